#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace holdfast::initiator {

/// Blocks that say what they are. Every 512 bytes carry a label: which run wrote them, where they
/// belong, as which generation of their block, through which session; and a checksum (XXH3) over
/// label and content. So whatever is read back says by itself whether it is the right block, in its
/// newest state, whole.
inline constexpr std::uint32_t sector_bytes = 512;

/// What the sectors of one block have in common.
struct BlockLabel {
  std::uint64_t run = 0;  // of this run alone, whatever the seed
  std::uint64_t seed = 0;
  std::uint64_t sector = 0;  // of the block's first 512 bytes, counted from the device's start
  std::uint32_t generation = 0;
  std::uint32_t session = 0;
};

/// Fills `block`, whole sectors, with labels and content that differs from every other block's and
/// generation's.
void write_pattern(std::span<std::byte> block, const BlockLabel& label);

/// What a block may hold: every generation from `oldest` to `newest`, sector by sector where they
/// differ. Generation 0 is what was there before the run: anything but a block of the run itself.
struct BlockExpectation {
  std::uint64_t run = 0;
  std::uint64_t sector = 0;
  std::uint32_t oldest = 0;
  std::uint32_t newest = 0;
  /// A write to it was under way while it was read. Then even a sector may be part old and part new:
  /// memory that is copied while it is written (a page cache, a cache of a disk) promises no more.
  bool overlapped = false;
};

enum class BlockFaultKind : std::uint8_t {
  stale,      // an older state, though a newer one was acknowledged
  misplaced,  // a block of ours that belongs elsewhere
  torn,       // some sectors newer than others, though the newer write was acknowledged
  foreign,    // nothing of ours, though an acknowledged write should be there
  corrupt,    // ours by its label, but the checksum says that it is not what was written
};

constexpr const char* to_string(BlockFaultKind kind) {
  constexpr const char* names[] = {"stale", "misplaced", "torn", "foreign", "corrupt"};
  return names[static_cast<std::size_t>(kind)];
}

/// A block that is not what it should be.
struct BlockFault {
  BlockFaultKind kind = BlockFaultKind::corrupt;
  /// The first bad sector, and how many of the block's sectors are bad.
  std::uint64_t sector = 0;
  std::uint32_t bad_sectors = 0;
  std::uint32_t sectors = 0;
  BlockExpectation expected;
  /// The first bad sector's label, as far as it has one of ours.
  bool labelled = false;
  bool of_this_run = false;
  BlockLabel found;
};

/// What is wrong with `block`, if anything is.
std::optional<BlockFault> judge_block(std::span<const std::byte> block,
                                      const BlockExpectation& expected);

/// What is wrong with a block about whose history nothing is known: a labelled sector of whatever
/// run is in its place and whole, or it is at fault; sectors without a label are nobody's.
std::optional<BlockFault> judge_unknown_block(std::span<const std::byte> block,
                                              std::uint64_t sector);

/// Whether the block's first sector carries a label.
bool has_label(std::span<const std::byte> block);

/// "stale: generation 7 was acknowledged, generation 6 is there", without the place.
std::string describe(const BlockFault& fault, std::uint32_t logical_block_bytes);

}  // namespace holdfast::initiator
