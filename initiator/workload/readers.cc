#include "initiator/workload/readers.h"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <utility>

#include "common/runtime/buffer.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint64_t block_bytes = FinishedFile::block_bytes;

/// The connection is gone or was given up: the copy finds that as well and says so.
bool is_the_end(const Error& error) {
  return error.kind == ErrorKind::cancelled || error.kind == ErrorKind::timed_out ||
         error.kind == ErrorKind::peer_closed;
}

}  // namespace

Readers::Readers(Loop& loop, Tree& tree, FinishedFiles& files, std::uint64_t seed,
                 const std::atomic<bool>& cancelled, ReadersResult& result)
    : loop_(loop), tree_(tree), files_(files), seed_(seed), cancelled_(cancelled), result_(result) {}

void Readers::start(std::uint32_t count, OnRead on_read) {
  on_read_ = std::move(on_read);
  for (std::uint32_t i = 0; i < count; ++i) tasks_.spawn(read_on(i));
}

Task<void> Readers::stop() {
  stopping_ = true;
  files_.arrived().pulse();  // Whoever waits for a file need not any more.
  co_await tasks_.join();
}

DataRange Readers::choose(std::uint64_t bytes, std::mt19937_64& random) {
  if (bytes <= whole_bytes_max) return {.offset = 0, .bytes = bytes};
  const std::uint64_t offset = random() % ((bytes + block_bytes - 1) / block_bytes) * block_bytes;
  const std::uint64_t wanted = (1 + random() % (piece_bytes_max / block_bytes)) * block_bytes;
  return {.offset = offset, .bytes = std::min(wanted, bytes - offset)};
}

Task<void> Readers::read_on(std::uint32_t index) {
  std::mt19937_64 random(seed_ + index);
  Buffer memory(piece_bytes_max);
  while (!stopped()) {
    if (files_.empty()) {
      co_await files_.arrived().wait();
      continue;
    }
    {
      const std::shared_ptr<FinishedFile> file = files_.pick(random);
      const DataRange range = choose(file->bytes(), random);
      co_await read_once(*file, range, memory.span());
    }
    co_await sleep_for(loop_, pause);
  }
}

Task<void> Readers::read_once(const FinishedFile& file, DataRange range,
                              std::span<std::byte> memory) {
  const std::span<std::byte> data = memory.first(static_cast<std::size_t>(range.bytes));
  const Instant began = clock_now();
  const Result<std::size_t> got =
      co_await tree_.read(file.node(), range.offset, data, file.number());
  const Duration latency = clock_now() - began;
  if (!got) {
    given_up_ |= is_the_end(got.error());
    if (!given_up_)
      result_.mismatches.add(
          {file.path(), "a reader could not read it: " + got.error().message, range.offset});
    co_return;
  }
  ++result_.reads;
  result_.bytes += *got;
  result_.latency.record(latency);
  if (on_read_) on_read_(latency);
  judge(file, range, data.first(*got));
}

void Readers::judge(const FinishedFile& file, DataRange range, std::span<const std::byte> data) {
  if (data.size() < range.bytes) {
    result_.mismatches.add({file.path(),
                            fmt::format("a reader got {} bytes of {}", data.size(), range.bytes),
                            range.offset + data.size()});
    return;
  }
  const std::optional<std::uint64_t> wrong = file.first_difference(range.offset, data);
  if (wrong)
    result_.mismatches.add({file.path(), "a reader got other content than was written", *wrong});
}

}  // namespace holdfast::initiator
