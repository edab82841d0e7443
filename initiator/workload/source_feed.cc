#include "initiator/workload/source_feed.h"

#include <sys/stat.h>
#include <utility>

#include "initiator/tree/local_metadata.h"

namespace holdfast::initiator {

Result<std::unique_ptr<SourceFeed>> SourceFeed::start(const SourceOptions& options) {
  Result<Wakeup> wakeup = Wakeup::open();
  if (!wakeup) return wakeup.error();
  return std::unique_ptr<SourceFeed>(new SourceFeed(options, std::move(wakeup).value()));
}

SourceFeed::SourceFeed(const SourceOptions& options, Wakeup wakeup)
    : options_(options), wakeup_(std::move(wakeup)) {
  thread_.emplace([this] { run(); });
}

SourceFeed::~SourceFeed() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  thread_.reset();
}

bool SourceFeed::try_take(Batch& batch) {
  {
    const std::lock_guard lock(mutex_);
    if (batches_.empty()) return false;
    batch = std::move(batches_.front());
    batches_.pop_front();
  }
  changed_.notify_one();
  return true;
}

Task<void> SourceFeed::wait() {
  {
    const std::lock_guard lock(mutex_);
    if (!batches_.empty()) co_return;
    loop_waits_ = true;
  }
  co_await wakeup_.wait();
}

void SourceFeed::give_back(std::vector<ReadFile> files) {
  {
    const std::lock_guard lock(mutex_);
    for (ReadFile& file : files) read_files_.push_back(std::move(file));
  }
  changed_.notify_one();
}

void SourceFeed::finish() {
  {
    const std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_one();
}

void SourceFeed::run() {
  Batch batch;
  Result<std::unique_ptr<SourceWalk>> walk =
      SourceWalk::open(options_, separate_working_directory());
  if (!walk) batch.failure = walk.error();
  bool more = walk.ok();
  while (more && !stopped_) {
    more = (*walk)->step(batch.entries, batch.problems);
    if (more && is_due(batch)) publish(batch);
  }
  batch.walk_ended = true;
  publish(batch);
  while (wait_for_finish()) check_read_files(batch.problems);
  check_read_files(batch.problems);
  batch.last = true;
  publish(batch);
}

bool SourceFeed::is_due(const Batch& batch) const {
  const std::size_t found = batch.entries.size() + batch.problems.size();
  // A loop that has nothing to do gets less, but sooner.
  return found >= (loop_waits_ ? batch_max / 4 : batch_max);
}

void SourceFeed::publish(Batch& batch) {
  for (;;) {
    check_read_files(batch.problems);
    std::unique_lock lock(mutex_);
    if (batches_.size() >= batches_max && read_files_.empty() && !stopped_) changed_.wait(lock);
    if (stopped_) return;
    if (batches_.size() >= batches_max) continue;
    batches_.push_back(std::move(batch));
    batch = Batch();
    break;
  }
  if (loop_waits_.exchange(false)) wakeup_.notify();
}

void SourceFeed::check_read_files(std::vector<SourceProblem>& problems) {
  std::vector<ReadFile> files;
  {
    const std::lock_guard lock(mutex_);
    files.swap(read_files_);
  }
  for (const ReadFile& file : files) {
    struct stat status {};
    const bool known = ::fstat(file.file.get(), &status) == 0;
    const bool same = known && static_cast<std::uint64_t>(status.st_size) == file.bytes &&
                      time_of(status.st_mtim) == file.modified &&
                      time_of(status.st_ctim) == file.changed;
    if (same) continue;
    problems.push_back({file.parent->path_of(file.name), "changed while it was read"});
  }
}

bool SourceFeed::wait_for_finish() {
  std::unique_lock lock(mutex_);
  while (!finishing_ && read_files_.empty() && !stopped_) changed_.wait(lock);
  return !finishing_ && !stopped_;
}

}  // namespace holdfast::initiator
