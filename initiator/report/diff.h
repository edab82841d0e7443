#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/report/figures.h"
#include "initiator/report/saved_record.h"
#include "initiator/report/spread.h"

namespace holdfast::initiator {

/// What became of one figure from one record to the next.
struct DiffRow {
  enum class Mark : std::uint8_t {
    same,  // within the tolerance, the spread, the noise of the machine, or the figure's grain
    better,
    worse,
    unjudged,  // only one of them has it, or neither direction is better
  };

  std::string label;  // the destination; empty for single runs
  Figure figure{};
  Spread a;
  Spread b;
  /// In proportion to `a`; nothing where `a` is 0 or either has none.
  std::optional<double> change;
  Mark mark = Mark::same;
};

/// Two records side by side.
struct Diff {
  double tolerance = 0;
  std::vector<DiffRow> rows;
  /// What is worse and no figure: a destination that does not run any more, a run that did not
  /// finish.
  std::vector<std::string> regressions;
  /// What makes the two hard to compare.
  std::vector<std::string> notes;

  bool worse() const;
};

/// Compares figures of `b` with those of `a`. A figure is worse when its median changed for the
/// worse by more than `tolerance` (0.1 is 10 %) and its grain, and, where both have two rounds or
/// more, when their ranges lie apart and the noise of neither machine covers it. Hangs and
/// mismatches more than before are worse by themselves. Two records of different kinds are an
/// error.
Result<Diff> diff_of(const SavedRecord& a, const SavedRecord& b, double tolerance);

/// Reads "10%" or "2.5"; at most 1000 %.
Result<double> parse_tolerance(const std::string& text);

constexpr const char* to_string(DiffRow::Mark mark) {
  constexpr const char* names[] = {"same", "better", "worse", "unjudged"};
  return names[static_cast<std::size_t>(mark)];
}

}  // namespace holdfast::initiator
