#include "target/lun/atomic_journal.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "common/base/log.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

constexpr std::size_t sector_bytes = AtomicIntent::sector_bytes;

/// One save for a coroutine: `const int error = co_await step.save(content);`
class SaveStep {
 public:
  explicit SaveStep(StateFile& file) : file_(file) {}

  class Awaiter {
   public:
    explicit Awaiter(SaveStep& step) : step_(step) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      step_.file_.save(std::move(step_.content_), [step = &step_, waiter](int error) {
        step->error_ = error;
        Loop::current().ready(waiter);
      });
    }
    int await_resume() const noexcept { return step_.error_; }

   private:
    SaveStep& step_;
  };

  Awaiter save(std::string& content) {
    content_ = std::move(content);
    return Awaiter(*this);
  }

 private:
  StateFile& file_;
  std::string content_;
  int error_ = 0;
};

std::string words(int error) {
  return std::generic_category().message(error);
}

/// How much of `intent` is looked at, or put back, in one go from `done` on.
std::size_t piece(const AtomicIntent& intent, std::size_t done) {
  return std::min<std::size_t>(intent.before.size() - done, WorkBuffers::buffer_bytes);
}

}  // namespace

AtomicJournal::AtomicJournal(Store& store, RangeLocks& locks, WorkBuffers& buffers,
                             bool write_back)
    : store_(store), locks_(locks), buffers_(buffers), write_back_(write_back) {
}

AtomicJournal::~AtomicJournal() {
  CHECK(recovering_ == 0);
  store_.set_guard(nullptr);
}

Status AtomicJournal::keep_in(std::unique_ptr<StateFile> file, std::string_view content) {
  auto kept = std::make_unique<File>();
  if (!content.empty()) {
    Result<AtomicIntent> found = AtomicIntent::decode(content);
    if (!found) return found.error();
    kept->intent = std::move(*found);
  }
  if (file == nullptr) return {};
  kept->file = std::move(file);
  files_.push_back(std::move(kept));
  return {};
}

void AtomicJournal::recover() {
  for (const std::unique_ptr<File>& file : files_) {
    if (!file->intent) continue;
    file->in_use = file->may_be_half_done = true;
    recover(*file);
  }
}

void AtomicJournal::rest() {
  resting_ = true;
  if (retry_ != nullptr) retry_->disarm();
}

void AtomicJournal::try_again() {
  for (const std::unique_ptr<File>& file : files_)
    if (file->barred != Barred::nothing && !file->recovering) recover(*file);
}

std::optional<std::uint64_t> AtomicJournal::stops(const StoreRequest& request) const {
  if (!request.changes() && request.operation != StoreOperation::read) return std::nullopt;
  for (const std::unique_ptr<File>& file : files_) {
    const bool is_meant = file->barred == Barred::everything ||
                          (file->barred == Barred::writes && request.changes());
    if (!is_meant) continue;
    const std::uint64_t from = std::max(request.offset, file->intent->offset);
    const std::uint64_t to = std::min(request.offset + request.length(),
                                      file->intent->offset + file->intent->before.size());
    if (from < to) return from;
  }
  return std::nullopt;
}

void AtomicJournal::bar(File& file, Barred barred, int error) {
  if (file.barred != barred) {
    const AtomicIntent& intent = *file.intent;
    if (barred == Barred::everything)
      log(LogLevel::error,
          "{}: {} bytes from {} on may be half of an atomic write, and cannot be put right ({}): "
          "until then they can be neither read nor written",
          store_.describe(), intent.before.size(), intent.offset, words(error));
    else
      log(LogLevel::error,
          "{}: an intent cannot be taken back ({}): until then {} bytes from {} on of {} cannot be "
          "written",
          file.file->describe(), words(error), intent.before.size(), intent.offset,
          store_.describe());
  }
  file.barred = barred;
  store_.set_guard(this);
  freed_.pulse();  // Who waits for a file may wait in vain.
  if (resting_) return;
  if (retry_ == nullptr) retry_ = std::make_unique<Retry>(*this);
  constexpr Duration after = std::chrono::seconds(1);
  if (!retry_->armed()) retry_->arm(clock_now() + after);
}

void AtomicJournal::unbar(File& file) {
  if (std::exchange(file.barred, Barred::nothing) == Barred::nothing) return;
  log(LogLevel::info, "{}: {} bytes from {} on are served as ever", store_.describe(),
      file.intent->before.size(), file.intent->offset);
  const bool any_barred = std::ranges::any_of(
      files_, [](const std::unique_ptr<File>& one) { return one->barred != Barred::nothing; });
  if (!any_barred) store_.set_guard(nullptr);
}

void AtomicJournal::set_free(File& file) {
  unbar(file);
  file.intent.reset();
  file.in_use = false;
  freed_.pulse();
}

std::uint32_t AtomicJournal::bytes_at_once() const {
  constexpr std::uint32_t page_bytes = 4096;
  return std::min(store_.physical_block_bytes(), page_bytes);
}

bool AtomicJournal::needs_intent(std::uint64_t offset, std::uint64_t bytes) const {
  if (!store_.has_volatile_cache() || files_.empty()) return false;
  const std::uint32_t at_once = bytes_at_once();
  return offset / at_once != (offset + bytes - 1) / at_once;
}

AtomicJournal::File* AtomicJournal::take_file() {
  for (const std::unique_ptr<File>& file : files_) {
    if (file->in_use || file->intent) continue;
    file->in_use = true;
    return file.get();
  }
  return nullptr;
}

bool AtomicJournal::every_file_is_stuck() const {
  return std::ranges::all_of(
      files_, [](const std::unique_ptr<File>& file) { return file->barred != Barred::nothing; });
}

Task<AtomicJournal::Ended> AtomicJournal::write(std::uint64_t offset, std::span<iovec> vectors,
                                                bool force_unit_access) {
  StoreStep step(store_);
  if (!needs_intent(offset, total_bytes(vectors))) {
    const bool durable = force_unit_access || !write_back_;
    const int error = co_await step.write(offset, vectors, durable);
    co_return Ended{error, false, step.request().failed_offset};
  }
  File* file = take_file();
  while (file == nullptr) {
    if (every_file_is_stuck()) co_return Ended{EIO, true, offset};
    co_await freed_.wait();
    file = take_file();
  }
  file->intent = AtomicIntent::of_write(offset, vectors);
  Ended ended{.failed_offset = offset};
  Task<int> finding = find_before(*file->intent);
  ended.error = co_await finding;
  bool may_be_kept = false;
  if (ended.error == 0) {
    std::string content = file->intent->encode();
    SaveStep saving(*file->file);
    ended.error = co_await saving.save(content);
    ended.intent_failed = ended.error != 0;
    may_be_kept = !ended.intent_failed || file->file->may_have_changed();
  }
  if (ended.error == 0) {
    ended.error = co_await step.write(offset, vectors, true);
    ended.failed_offset = step.request().failed_offset;
    file->may_be_half_done = ended.error != 0;
  }
  if (ended.error != 0)
    log(LogLevel::error, "{}: an atomic write failed: {}",
        ended.intent_failed ? file->file->describe() : store_.describe(), words(ended.error));
  if (may_be_kept) {
    Task<void> ending = end(*file);
    co_await ending;
  } else {
    set_free(*file);
  }
  co_return ended;
}

/// What is there, and stays: what is only in a cache could be older after a loss of power, and
/// then nobody would know it again.
Task<int> AtomicJournal::find_before(AtomicIntent& intent) {
  StoreStep step(store_);
  if (write_back_) {
    const int flush_error = co_await step.flush();
    if (flush_error != 0) co_return flush_error;
  }
  iovec vector{intent.before.data(), intent.before.size()};
  const int error = co_await step.read(intent.offset, std::span<iovec>(&vector, 1));
  co_return error;
}

Task<AtomicJournal::Findings> AtomicJournal::look(const AtomicIntent& intent) {
  StoreStep step(store_);
  step.request().past_guard = true;
  WorkBuffers::Loan loan(buffers_);
  Findings found;
  for (std::size_t done = 0; done < intent.before.size();) {
    const std::size_t now = piece(intent, done);
    co_await loan.take();
    found.error = co_await step.read(intent.offset + done, loan.vectors(now));
    if (found.error != 0) co_return found;
    for (std::size_t at = 0; at < now; at += sector_bytes) {
      const std::span<const std::byte> sector = loan.bytes().subspan(at, sector_bytes);
      const std::size_t number = (done + at) / sector_bytes;
      const bool before = intent.is_before(number, sector);
      const bool after = intent.is_after(number, sector);
      found.all_before = found.all_before && before;
      found.all_after = found.all_after && after;
      found.all_known = found.all_known && (before || after);
    }
    loan.give_back();
    done += now;
  }
  co_return found;
}

/// Sector by sector what is not as it was, so that nothing is asked of a medium without room but
/// what it has room for.
Task<int> AtomicJournal::put_back(const AtomicIntent& intent) {
  StoreStep step(store_);
  step.request().past_guard = true;
  WorkBuffers::Loan loan(buffers_);
  for (std::size_t done = 0; done < intent.before.size();) {
    const std::size_t now = piece(intent, done);
    co_await loan.take();
    int error = co_await step.read(intent.offset + done, loan.vectors(now));
    std::size_t at = 0;
    while (error == 0 && at < now) {
      const auto is_before = [&](std::size_t where) {
        return intent.is_before((done + where) / sector_bytes,
                                loan.bytes().subspan(where, sector_bytes));
      };
      while (at < now && is_before(at)) at += sector_bytes;
      std::size_t end = at;
      while (end < now && !is_before(end)) end += sector_bytes;
      if (at == end) break;
      std::memcpy(loan.bytes().data() + at, intent.before.data() + done + at, end - at);
      iovec run{loan.bytes().data() + at, end - at};
      error = co_await step.write(intent.offset + done + at, std::span<iovec>(&run, 1), true);
      at = end;
    }
    loan.give_back();
    if (error != 0) co_return error;
    done += now;
  }
  co_return 0;
}

Task<int> AtomicJournal::heal(const AtomicIntent& intent) {
  int error = 0;
  Findings found;
  if (intent.offset <= store_.size() && intent.before.size() <= store_.size() - intent.offset) {
    Task<Findings> looking = look(intent);
    found = co_await looking;
    error = found.error;
  } else {
    found.all_known = false;
  }
  if (error == 0 && !found.all_known)
    log(LogLevel::warning, "{}: it is not the medium of the atomic write that an intent is kept of",
        store_.describe());
  if (error == 0 && found.is_mixed()) {
    Task<int> putting = put_back(intent);
    error = co_await putting;
  } else if (error == 0 && found.all_after) {
    // It may have come no farther than the cache.
    StoreStep step(store_);
    error = co_await step.flush();
  }
  co_return error;
}

Task<int> AtomicJournal::forget(File& file) {
  constexpr int tries_max = 3;
  int error = EIO;
  for (int i = 0; i < tries_max && error != 0; ++i) {
    std::string nothing;
    SaveStep saving(*file.file);
    error = co_await saving.save(nothing);
  }
  co_return error;
}

Task<void> AtomicJournal::end(File& file) {
  if (file.may_be_half_done) {
    Task<int> healing = heal(*file.intent);
    const int error = co_await healing;
    if (error != 0) {
      bar(file, Barred::everything, error);
      co_return;
    }
    file.may_be_half_done = false;
  }
  Task<int> forgetting = forget(file);
  const int error = co_await forgetting;
  if (error != 0)
    bar(file, Barred::writes, error);
  else
    set_free(file);
}

Task<int> AtomicJournal::drop() {
  for (const std::unique_ptr<File>& file : files_) {
    if (file->barred == Barred::nothing) continue;
    Task<int> forgetting = forget(*file);
    const int error = co_await forgetting;
    if (error != 0) co_return error;
    file->may_be_half_done = false;
    if (file->recovering)
      unbar(*file);  // The rest is up to whoever waits there for the lock.
    else
      set_free(*file);
  }
  co_return 0;
}

Shell AtomicJournal::recover(File& file) {
  ++recovering_;
  file.recovering = true;
  RangeHold hold(locks_);
  const std::uint64_t bytes = std::max<std::uint64_t>(file.intent->before.size(), 1);
  co_await hold.take(RangeLock::Mode::exclusive, file.intent->offset, bytes);
  Task<void> ending = end(file);
  co_await ending;
  hold.release();
  file.recovering = false;
  if (--recovering_ > 0) co_return;
  const std::vector<std::function<void()>> waiting = std::exchange(waiting_, {});
  for (const std::function<void()>& idle : waiting) idle();
}

}  // namespace holdfast::target
