#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "target/admin/administrator.h"

namespace holdfast::target {

/// The daemon's figures in Prometheus' text format 0.0.4, in pieces that are made one after another,
/// so that a thousand LUNs hold nobody up. It shows what there was when it was made, with the counts
/// of the moment at which a piece is.
class MetricsText {
 public:
  /// About that long is a piece.
  static constexpr std::size_t piece_bytes = 64 * 1024;

  explicit MetricsText(const Administrator& administrator);

  /// The next piece; empty when there is none left.
  std::string next();

 private:
  /// A LUN, with its labels as they stand in a sample: target="…",lun="0".
  struct Unit {
    std::string labels;
    std::shared_ptr<const UnitStatistics> statistics;
  };
  struct Family;
  static const Family families[];

  static void add_counts(const Family& family, const Unit& unit, std::string& to);
  static void add_histograms(const Family& family, const Unit& unit, std::string& to);

  const std::string of_the_daemon_;
  std::vector<Unit> units_;
  std::size_t family_ = 0;
  std::size_t unit_ = 0;
  bool begun_ = false;
};

/// As a label's value stands between quotes.
std::string escaped_label(std::string_view value);

}  // namespace holdfast::target
