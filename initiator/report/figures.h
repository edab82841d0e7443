#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// The numbers of a run by which runs are compared.
enum class Figure : std::uint8_t {
  copy_seconds,
  mib_per_second,
  files_per_second,
  latency_p50,
  latency_p99,
  latency_max,
  worst_gap,
  stalls,
  hangs,  // broken connections too
  mismatches,
  problems,
  verify_seconds,
  wire_requests,
  wire_bytes_sent,
  wire_bytes_received,
  cpu_seconds,
  cpu_share,
};

inline constexpr std::size_t figure_count = 17;

struct FigureTraits {
  enum class Unit : std::uint8_t {
    seconds,
    microseconds,
    mib_per_second,
    per_second,
    bytes,
    count,
    share
  };
  enum class Better : std::uint8_t { less, more, neither };

  const char* key;    // in JSON; it names the unit of the value
  const char* title;  // for people
  Unit unit;
  Better better;
  /// Differences up to this tell nothing of a path, however large they are in proportion.
  double grain;
};

const FigureTraits& traits(Figure figure);
/// The number in the unit of its traits, or nothing where the run has none: figures of speed only
/// of a run that finished, verification only where there was one, bytes only where there is a wire.
std::optional<double> figure_of(Figure figure, const RunRecord& record);
/// The value with its unit, for people.
std::string figure_text(Figure figure, double value);
/// From one text with its unit to another, the unit once where it is the same: "284..311 ms".
std::string range_text(std::string from, const std::string& to);

}  // namespace holdfast::initiator
