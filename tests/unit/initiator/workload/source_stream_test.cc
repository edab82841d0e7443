#include "initiator/workload/source_stream.h"

#include <gtest/gtest.h>

#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

struct Streamed {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t wrong_bytes = 0;
};

/// Files are named after the seed of their noise. Every `dropped_every`th is not read at all.
Task<void> read_all(Loop& loop, SourceOptions options, std::uint64_t dropped_every,
                    Streamed& seen) {
  Result<std::unique_ptr<SourceStream>> stream = SourceStream::open(loop, options);
  EXPECT_TRUE(stream);
  for (;;) {
    SourceEntry* entry = co_await (*stream)->next();
    if (entry == nullptr) break;
    if (entry->kind != EntryKind::file) continue;
    ++seen.files;
    const std::uint64_t seed = std::stoull(entry->name);
    if (dropped_every != 0 && seed % dropped_every == 0) continue;
    const std::string expected = test::noise(seed, entry->attributes.bytes);
    std::uint64_t at = 0;
    for (;;) {
      SourcePiece piece = co_await (*stream)->next_piece();
      if (!piece) break;
      EXPECT_EQ(piece.offset(), at);
      at += piece.data().size();
      const auto* read = reinterpret_cast<const char*>(piece.data().data());
      if (expected.compare(piece.offset(), piece.data().size(), read, piece.data().size()) != 0)
        ++seen.wrong_bytes;
    }
    EXPECT_EQ(at, entry->attributes.bytes);
    seen.bytes += at;
  }
  co_await (*stream)->close();
  EXPECT_EQ((*stream)->problems().count(), 0u) << text_of((*stream)->problems());
}

constexpr std::size_t sizes[] = {0, 1, 5000, 65536, 65537, 300'000, 3'000'000};

void make_files(const Scratch& source, std::uint64_t count) {
  for (std::uint64_t seed = 1; seed <= count; ++seed)
    source.file(std::to_string(seed), test::noise(seed, sizes[seed % std::size(sizes)]));
}

TEST(SourceStream, EveryByteComesInOrder) {
  const Scratch source;
  make_files(source, 100);
  Workload workload(source.path());
  Streamed seen;
  workload.loop().run(read_all(workload.loop(), workload.options, 0, seen));
  EXPECT_EQ(seen.files, 100u);
  EXPECT_EQ(seen.wrong_bytes, 0u);
  EXPECT_GT(seen.bytes, 40'000'000u);
}

TEST(SourceStream, FilesThatAreNotReadDoNotDisturbTheOthers) {
  const Scratch source;
  make_files(source, 100);
  Workload workload(source.path());
  Streamed seen;
  workload.loop().run(read_all(workload.loop(), workload.options, 3, seen));
  EXPECT_EQ(seen.files, 100u);
  EXPECT_EQ(seen.wrong_bytes, 0u);
}

Task<void> close_in_mid_file(Loop& loop, SourceOptions options) {
  Result<std::unique_ptr<SourceStream>> stream = SourceStream::open(loop, options);
  EXPECT_TRUE(stream);
  for (int taken = 0; taken < 5;) {
    SourceEntry* entry = co_await (*stream)->next();
    if (entry == nullptr || entry->ranges.empty()) continue;
    SourcePiece piece = co_await (*stream)->next_piece();
    ++taken;
  }
  co_await (*stream)->close();
}

TEST(SourceStream, MayBeClosedInMidFile) {
  const Scratch source;
  make_files(source, 60);
  Workload workload(source.path());
  workload.loop().run(close_in_mid_file(workload.loop(), workload.options));
  EXPECT_EQ(workload.loop().operations_in_flight(), 0u);
}

Task<void> close_at_once(Loop& loop, SourceOptions options) {
  Result<std::unique_ptr<SourceStream>> stream = SourceStream::open(loop, options);
  EXPECT_TRUE(stream);
  co_await (*stream)->close();
}

TEST(SourceStream, MayBeClosedAtOnce) {
  const Scratch source;
  make_files(source, 10);
  Workload workload(source.path());
  workload.loop().run(close_at_once(workload.loop(), workload.options));
}

}  // namespace
}  // namespace holdfast::initiator
