#include "initiator/workload/locks.h"

namespace holdfast::initiator {

Lockers::Lockers(Loop& loop, Tree& tree, FinishedFiles& files, std::uint64_t seed,
                 const std::atomic<bool>& cancelled, LocksResult& result)
    : loop_(loop), tree_(tree), files_(files), seed_(seed), cancelled_(cancelled), result_(result) {}

void Lockers::start() {
  for (std::uint32_t i = 0; i < lockers; ++i) tasks_.spawn(lock_on(i));
}

Task<void> Lockers::stop() {
  stopping_ = true;
  files_.arrived().pulse();
  co_await tasks_.join();
}

Task<void> Lockers::lock_on(std::uint32_t index) {
  std::mt19937_64 random(seed_ + index);
  while (!stopped()) {
    if (files_.empty()) {
      co_await files_.arrived().wait();
      continue;
    }
    {
      const std::shared_ptr<FinishedFile> file = files_.pick(random, files_used);
      std::uint32_t range = static_cast<std::uint32_t>(random() % lockers);
      while ((file->ranges_in_use >> range & 1u) != 0) range = (range + 1) % lockers;
      file->ranges_in_use |= 1u << range;
      const bool exclusive = random() % 2 == 0;
      co_await lock_once(*file, range, exclusive);
      file->ranges_in_use &= ~(1u << range);
    }
    co_await sleep_for(loop_, hold);
  }
}

Task<void> Lockers::lock_once(FinishedFile& file, std::uint32_t range, bool exclusive) {
  const std::uint64_t offset = range * range_bytes;
  const Instant began = clock_now();
  const Status locked = co_await tree_.lock(file.node(), offset, range_bytes, exclusive);
  if (!locked) {
    refused(locked.error());
    co_return;
  }
  result_.waits.record(clock_now() - began);
  co_await sleep_for(loop_, hold);
  const Status unlocked = co_await tree_.unlock(file.node(), offset, range_bytes);
  if (!unlocked) {
    refused(unlocked.error());
    co_return;
  }
  ++(exclusive ? result_.exclusive : result_.shared);
}

/// One refusal ends them all: a tree that has no locks would only say so again. What the copy itself
/// will meet, it says.
void Lockers::refused(const Error& error) {
  given_up_ = true;
  const bool given_up = error.kind == ErrorKind::cancelled || error.kind == ErrorKind::peer_closed ||
                        error.kind == ErrorKind::timed_out;
  if (!given_up && result_.refusal.empty()) result_.refusal = error.message;
}

}  // namespace holdfast::initiator
