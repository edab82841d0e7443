#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "initiator/tree/tree.h"
#include "initiator/workload/estimate.h"

namespace holdfast::initiator {

/// Something of the source that the tree could not carry.
struct LeftOut {
  std::string what;         // "extended attributes"
  std::string why;          // as the tree said it
  std::uint64_t nodes = 0;  // that had some of it
};

/// A tree's shortcomings, and for how many nodes of a run they mattered.
class Omissions {
 public:
  explicit Omissions(const std::vector<Shortcoming>& shortcomings);

  bool lacks(Shortcoming::Of what) const { return rows_[index(what)].lacking; }
  /// Counts a node for which it matters; nothing where the tree has no such shortcoming.
  void count(Shortcoming::Of what) { rows_[index(what)].nodes += lacks(what) ? 1 : 0; }
  /// Counts what the tree cannot carry of a node's attributes. An owner matters where it is not the
  /// one that the process runs as.
  void count(const Attributes& attributes);
  /// Takes the extended attributes out that the tree cannot carry. Owners and times stay: it keeps
  /// of them what it can.
  void take_out(Attributes& attributes) const;
  /// Makes equal what need not be, and counts it where it was not.
  void excuse(Attributes& source, Attributes& copy, const SourceMark& mark);

  /// What mattered for at least one node.
  std::vector<LeftOut> list() const;

 private:
  static constexpr std::size_t kinds = 9;
  struct Row {
    bool lacking = false;
    std::string why;
    std::uint64_t nodes = 0;
  };
  void excuse_times(const Attributes& source, Attributes& copy, const SourceMark& mark);
  static constexpr std::size_t index(Shortcoming::Of what) { return static_cast<std::size_t>(what); }

  std::array<Row, kinds> rows_;
  bool any_ = false;
};

/// A fifo, a socket or a device.
bool is_special(std::uint32_t mode);
/// Whether a file whose data lies in `ranges` has a place without data.
bool has_holes(const Attributes& attributes, std::span<const DataRange> ranges);

}  // namespace holdfast::initiator
