#include "initiator/workload/block_pattern.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <xxhash.h>

#include "common/base/check.h"
#include "common/base/endian.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint64_t magic = 0x486f'6c64'4661'7374;  // "HoldFast"

/// The first bytes of every sector.
struct Label {
  be64 magic;
  be64 checksum;  // of all that follows it in the sector
  be64 run;
  be64 seed;
  be64 sector;
  be32 generation;
  be32 session;
};
static_assert(sizeof(Label) == 48 && alignof(Label) == 1);

constexpr std::size_t checked_from = offsetof(Label, run);
constexpr std::size_t content_words = (sector_bytes - sizeof(Label)) / sizeof(std::uint64_t);
static_assert(sizeof(Label) + content_words * sizeof(std::uint64_t) == sector_bytes);

std::uint64_t checksum_of(const std::byte* sector) {
  return XXH3_64bits(sector + checked_from, sector_bytes - checked_from);
}

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9;
  value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11eb;
  return value ^ (value >> 31);
}

/// Content that nothing else on the device has, and that does not compress.
void write_content(std::byte* at, std::uint64_t key) {
  std::array<std::uint64_t, content_words> words;
  for (std::size_t i = 0; i < content_words; ++i) words[i] = mixed(key + i * 0x9e37'79b9'7f4a'7c15);
  std::memcpy(at, words.data(), sizeof words);
}

Label read_label(const std::byte* sector) {
  Label label;
  std::memcpy(&label, sector, sizeof label);
  return label;
}

enum class State : std::uint8_t { good, stale, misplaced, foreign, corrupt };

State judge_sector(const std::byte* sector, const Label& label, std::uint64_t number,
                   const BlockExpectation& expected) {
  const bool ours = label.magic == magic && label.run == expected.run;
  if (!ours) {
    if (expected.oldest == 0) return State::good;
    // A label that is ours but for a flipped bit still has a checksum that tells.
    const bool whole = label.magic == magic && label.checksum == checksum_of(sector);
    return label.magic == magic && !whole ? State::corrupt : State::foreign;
  }
  if (label.checksum != checksum_of(sector)) return expected.overlapped ? State::good : State::corrupt;
  if (label.sector != number) return State::misplaced;
  if (label.generation < expected.oldest) return State::stale;
  return label.generation <= expected.newest ? State::good : State::foreign;
}

BlockFaultKind kind_of(State state) {
  switch (state) {
    case State::stale:
      return BlockFaultKind::stale;
    case State::misplaced:
      return BlockFaultKind::misplaced;
    case State::foreign:
      return BlockFaultKind::foreign;
    default:
      return BlockFaultKind::corrupt;
  }
}

void take_label(BlockFault& fault, const Label& label) {
  fault.labelled = label.magic == magic;
  if (!fault.labelled) return;
  fault.of_this_run = label.run == fault.expected.run;
  fault.found = {.run = label.run,
                 .seed = label.seed,
                 .sector = label.sector,
                 .generation = label.generation,
                 .session = label.session};
}

std::string expected_text(const BlockExpectation& expected) {
  if (expected.newest == 0) return "nothing of this run was written here";
  if (expected.oldest == expected.newest)
    return fmt::format("generation {} was acknowledged", expected.newest);
  if (expected.oldest == 0)
    return fmt::format("at most generation {} was written", expected.newest);
  return fmt::format("generation {} was acknowledged, up to {} was written", expected.oldest,
                     expected.newest);
}

std::string found_text(const BlockFault& fault, std::uint32_t logical_block_bytes) {
  if (!fault.labelled) return "what is there is none of ours";
  const BlockLabel& found = fault.found;
  const std::string whose =
      fault.of_this_run ? "" : fmt::format(" of another run (seed {})", found.seed);
  switch (fault.kind) {
    case BlockFaultKind::corrupt:
      return fmt::format("what is there calls itself generation {}{}, and its checksum is wrong",
                         found.generation, whose);
    case BlockFaultKind::misplaced:
      return fmt::format("what is there is generation {} of LBA {}{}", found.generation,
                         found.sector * sector_bytes / logical_block_bytes, whose);
    default:
      return fmt::format("what is there is generation {}{}, written by session {}",
                         found.generation, whose, found.session);
  }
}

}  // namespace

void write_pattern(std::span<std::byte> block, const BlockLabel& label) {
  CHECK(block.size() % sector_bytes == 0);
  std::uint64_t number = label.sector;
  for (std::size_t at = 0; at < block.size(); at += sector_bytes, ++number) {
    std::byte* sector = block.data() + at;
    Label head;
    head.magic = magic;
    head.run = label.run;
    head.seed = label.seed;
    head.sector = number;
    head.generation = label.generation;
    head.session = label.session;
    std::memcpy(sector, &head, sizeof head);
    write_content(sector + sizeof head, mixed(label.run ^ label.generation) ^ mixed(number));
    head.checksum = checksum_of(sector);
    std::memcpy(sector, &head, sizeof head);
  }
}

std::optional<BlockFault> judge_block(std::span<const std::byte> block,
                                      const BlockExpectation& expected) {
  std::optional<BlockFault> fault;
  bool some_good = false;
  bool all_stale_alike = true;
  const auto sectors = static_cast<std::uint32_t>(block.size() / sector_bytes);
  for (std::uint32_t i = 0; i < sectors; ++i) {
    const std::byte* sector = block.data() + std::size_t{i} * sector_bytes;
    const Label label = read_label(sector);
    const State state = judge_sector(sector, label, expected.sector + i, expected);
    if (state == State::good) {
      some_good = true;
      continue;
    }
    if (!fault) {
      fault = BlockFault{.kind = kind_of(state),
                         .sector = expected.sector + i,
                         .sectors = sectors,
                         .expected = expected,
                         .found = {}};
      take_label(*fault, label);
    }
    ++fault->bad_sectors;
    all_stale_alike &= state == State::stale && label.generation == fault->found.generation;
  }
  if (!fault) return fault;
  // Older sectors beside newer ones: the block was not written, or not read, as one.
  if (fault->kind == BlockFaultKind::stale && (some_good || !all_stale_alike))
    fault->kind = BlockFaultKind::torn;
  return fault;
}

std::optional<BlockFault> judge_unknown_block(std::span<const std::byte> block,
                                              std::uint64_t first) {
  std::optional<BlockFault> fault;
  const auto sectors = static_cast<std::uint32_t>(block.size() / sector_bytes);
  for (std::uint32_t i = 0; i < sectors; ++i) {
    const std::byte* sector = block.data() + std::size_t{i} * sector_bytes;
    const Label label = read_label(sector);
    if (label.magic != magic) continue;
    const bool whole = label.checksum == checksum_of(sector);
    if (whole && label.sector == first + i) continue;
    if (!fault) {
      fault = BlockFault{.kind = whole ? BlockFaultKind::misplaced : BlockFaultKind::corrupt,
                         .sector = first + i,
                         .sectors = sectors,
                         .expected = {},
                         .found = {}};
      take_label(*fault, label);
    }
    ++fault->bad_sectors;
  }
  return fault;
}

bool has_label(std::span<const std::byte> block) {
  return block.size() >= sector_bytes && read_label(block.data()).magic == magic;
}

std::string describe(const BlockFault& fault, std::uint32_t logical_block_bytes) {
  std::string text = to_string(fault.kind);
  text += ": ";
  // Of a block that nobody knows, only what is there can be told.
  if (fault.expected.run != 0) text += expected_text(fault.expected) + "; ";
  text += found_text(fault, logical_block_bytes);
  if (fault.bad_sectors < fault.sectors)
    text += fmt::format(" ({} of the block's {} sectors)", fault.bad_sectors, fault.sectors);
  return text;
}

}  // namespace holdfast::initiator
