#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>

namespace holdfast::initiator {

/// Which generation each block of the working set may hold: what was acknowledged last, and what is
/// on its way. Four bytes a block; of blocks never written not even those are touched.
///
/// At most one write to a block is in flight, so at any moment a block holds something from
/// `oldest` to `newest`, each of its sectors on its own. A read may find whatever was allowed at
/// any moment between its start and its end: from the `oldest` of its start to the `newest` of its
/// end.
class GenerationTable {
 public:
  /// 64 MiB of table: 64 GiB of blocks of 4 KiB.
  static constexpr std::uint64_t blocks_max = std::uint64_t{1} << 24;
  /// No block can be written more often.
  static constexpr std::uint32_t generation_max = (1U << 30) - 1;

  explicit GenerationTable(std::uint64_t blocks);

  std::uint64_t blocks() const { return blocks_; }
  /// 0: as it was before the run.
  std::uint32_t oldest(std::uint64_t block) const;
  std::uint32_t newest(std::uint64_t block) const { return entries_[block] & generation_mask; }
  bool writing(std::uint64_t block) const { return (entries_[block] & writing_bit) != 0; }

  /// A write begins: the generation that it carries. None is in flight to this block, and it is
  /// below `generation_max`.
  std::uint32_t begin_write(std::uint64_t block);
  /// It was acknowledged, or it failed: then nobody knows what came of it until the next one is
  /// acknowledged.
  void end_write(std::uint64_t block, bool acknowledged);

 private:
  static constexpr std::uint32_t writing_bit = 1U << 31;
  static constexpr std::uint32_t unsure_bit = 1U << 30;
  static constexpr std::uint32_t generation_mask = generation_max;

  struct Free {
    void operator()(std::uint32_t* memory) const { std::free(memory); }
  };

  std::uint64_t blocks_;
  std::unique_ptr<std::uint32_t[], Free> entries_;
  /// The acknowledged generation of blocks whose last write failed. A failure ends the run, so
  /// there are never more than operations in flight.
  std::map<std::uint64_t, std::uint32_t> unsure_;
};

}  // namespace holdfast::initiator
