#include "initiator/workload/source_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "common/base/check.h"

namespace holdfast::initiator {

struct SourceStream::Item {
  explicit Item(SourceEntry taken) : entry(std::move(taken)) {}

  SourceEntry entry;
  std::size_t range = 0;         // of entry.ranges, the one to be read next
  std::uint64_t range_done = 0;  // bytes of it whose reads are under way
  bool shrank = false;
  int error = 0;

  bool is_planned() const { return !entry.file || range == entry.ranges.size(); }
};

/// One read under way. A short one goes on where it stopped.
class SourceStream::Read final : public Completion {
 public:
  explicit Read(SourceStream& stream) : stream_(stream) {}
  ~Read() = default;

  void start(Item& item, std::uint64_t offset, std::span<std::byte> data) {
    item_ = &item;
    offset_ = offset;
    data_ = data;
    filled_ = 0;
    done_ = false;
    submit();
  }
  bool done() const { return done_; }
  const Item& item() const { return *item_; }
  std::uint64_t offset() const { return offset_; }
  std::span<std::byte> data() const { return data_; }

 private:
  void submit() {
    stream_.loop_.submit(
        Operation::read(item_->entry.file.get(), data_.data() + filled_,
                        static_cast<unsigned>(data_.size() - filled_), offset_ + filled_),
        *this);
  }

  void complete(std::int32_t result, bool) override {
    if (result > 0) filled_ += static_cast<std::size_t>(result);
    const bool again = result > 0 || result == -EINTR || result == -EAGAIN;
    if (again && filled_ < data_.size() && !stream_.closing_) return submit();
    if (result == 0) item_->shrank = true;
    if (result < 0 && !stream_.closing_) item_->error = -result;
    std::memset(data_.data() + filled_, 0, data_.size() - filled_);
    done_ = true;
    stream_.progress_.pulse();
  }

  SourceStream& stream_;
  Item* item_ = nullptr;
  std::uint64_t offset_ = 0;
  std::span<std::byte> data_;
  std::size_t filled_ = 0;
  bool done_ = false;
};

SourcePiece::~SourcePiece() {
  if (stream_ != nullptr) stream_->give_back(data_);
}

Result<std::unique_ptr<SourceStream>> SourceStream::open(Loop& loop, const SourceOptions& options) {
  Result<std::unique_ptr<SourceFeed>> feed = SourceFeed::start(options);
  if (!feed) return feed.error();
  return std::unique_ptr<SourceStream>(new SourceStream(loop, std::move(feed).value()));
}

SourceStream::SourceStream(Loop& loop, std::unique_ptr<SourceFeed> feed)
    : loop_(loop), feed_(std::move(feed)) {
}

SourceStream::~SourceStream() {
  CHECK(!feed_ && reads_.empty());
}

Task<SourceEntry*> SourceStream::next() {
  if (front_is_current_) co_await retire();
  read_ahead();
  while (ahead_.empty() && !walk_ended_) {
    if (!read_files_.empty()) feed_->give_back(std::exchange(read_files_, {}));
    co_await feed_->wait();
    read_ahead();
  }
  if (ahead_.empty()) co_return nullptr;
  front_is_current_ = true;
  co_return &ahead_.front()->entry;
}

Task<SourcePiece> SourceStream::next_piece() {
  CHECK(front_is_current_);
  Item& item = *ahead_.front();
  while (has_piece(item)) {
    if (!reads_.empty() && reads_.front()->done()) {
      std::unique_ptr<Read> read(reads_.front());
      reads_.pop_front();
      SourcePiece piece(*this, read->offset(), read->data());
      idle_reads_.push_back(std::move(read));
      co_return piece;
    }
    co_await progress_.wait();
  }
  co_return SourcePiece();
}

bool SourceStream::has_piece(const Item& item) const {
  return !item.is_planned() || (!reads_.empty() && &reads_.front()->item() == &item);
}

void SourceStream::read_ahead() {
  for (;;) {
    if (closing_) return;
    if (planned_ == ahead_.size()) {
      if (ahead_.size() >= entries_ahead_max || !take_batch()) return;
      continue;
    }
    Item& item = *ahead_[planned_];
    while (!item.is_planned()) {
      if (!plan_read(item)) return;
    }
    ++planned_;
  }
}

bool SourceStream::take_batch() {
  SourceFeed::Batch batch;
  if (last_taken_ || !feed_->try_take(batch)) return false;
  for (SourceEntry& entry : batch.entries)
    ahead_.push_back(std::make_unique<Item>(std::move(entry)));
  for (SourceProblem& problem : batch.problems) problems_.add(std::move(problem));
  if (batch.failure) failure_ = std::move(batch.failure);
  walk_ended_ |= batch.walk_ended;
  last_taken_ = batch.last;
  return true;
}

bool SourceStream::plan_read(Item& item) {
  const DataRange& range = item.entry.ranges[item.range];
  const std::uint64_t left = range.bytes - item.range_done;
  BufferPool& pool = left <= small_bytes ? small_ : large_;
  std::byte* memory = pool.take();
  if (memory == nullptr) return false;
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(left, pool.buffer_bytes()));
  if (idle_reads_.empty()) idle_reads_.push_back(std::make_unique<Read>(*this));
  Read* read = idle_reads_.back().release();
  idle_reads_.pop_back();
  reads_.push_back(read);
  const std::uint64_t offset = range.offset + item.range_done;
  item.range_done += bytes;
  if (item.range_done == range.bytes) {
    item.range_done = 0;
    ++item.range;
  }
  read->start(item, offset, std::span(memory, bytes));
  return true;
}

void SourceStream::give_back(std::span<std::byte> data) {
  // A piece's own length tells its pool: what is read in small pieces never exceeds a small one,
  // and a piece in large memory is always longer, except for the remainder that plan_read avoids.
  (data.size() <= small_bytes ? small_ : large_).give_back(data.data());
  read_ahead();
}

Task<void> SourceStream::retire() {
  Item& item = *ahead_.front();
  item.range = item.entry.ranges.size();
  while (!reads_.empty() && &reads_.front()->item() == &item) {
    SourcePiece dropped = co_await next_piece();
  }
  account_for(item);
  ahead_.pop_front();
  if (planned_ > 0) --planned_;
  front_is_current_ = false;
}

void SourceStream::account_for(Item& item) {
  if (!item.entry.file) return;
  if (item.error != 0) {
    problems_.add({item.entry.path(), std::generic_category().message(item.error)});
  } else if (item.shrank) {
    problems_.add({item.entry.path(), "became shorter while it was read"});
  } else {
    read_files_.push_back({.file = std::move(item.entry.file),
                           .parent = item.entry.parent,
                           .name = item.entry.name,
                           .bytes = item.entry.attributes.bytes,
                           .modified = item.entry.attributes.modified,
                           .changed = item.entry.changed});
  }
  if (read_files_.size() >= SourceFeed::batch_max) feed_->give_back(std::exchange(read_files_, {}));
}

Task<void> SourceStream::close() {
  if (!feed_) co_return;
  closing_ = !walk_ended_ || !ahead_.empty();
  if (closing_) {
    for (Read* read : reads_) loop_.cancel(*read);
    while (!reads_.empty()) {
      while (!reads_.front()->done()) co_await progress_.wait();
      const std::unique_ptr<Read> read(reads_.front());
      reads_.pop_front();
      const std::span<std::byte> data = read->data();
      give_back(data);
    }
    ahead_.clear();
  } else {
    feed_->give_back(std::exchange(read_files_, {}));
    feed_->finish();
    while (!last_taken_) {
      co_await feed_->wait();
      while (take_batch()) {
      }
    }
  }
  feed_.reset();
}

}  // namespace holdfast::initiator
