#include "initiator/report/compare_record.h"

#include <algorithm>

namespace holdfast::initiator {
namespace {

constexpr int first_signal_code = 128;

/// How bad an exit code of a run is beside others.
int weight(int code) {
  if (code == 5) return 4;
  if (code > first_signal_code) return 3;
  if (code == 4) return 2;
  return code == 0 ? 0 : 1;
}

/// That it did not run is something the user must hear about.
bool missed(const CompareDestination& destination) {
  using Destination = CompareDestination;
  if (destination.status == Destination::Status::ran) return false;
  const bool not_here = destination.status == Destination::Status::not_installed ||
                        destination.status == Destination::Status::unavailable;
  return !not_here || destination.origin != Destination::Origin::offered;
}

}  // namespace

const CompareDestination* CompareRecord::find(std::string_view label) const {
  const auto found =
      std::find_if(destinations.begin(), destinations.end(),
                   [&](const auto& destination) { return destination.label == label; });
  return found == destinations.end() ? nullptr : &*found;
}

Verdict CompareRecord::verdict() const {
  Verdict worst = Verdict::steady;
  for (const CompareRun& run : runs) worst = std::max(worst, run.record.verdict);
  return worst;
}

int CompareRecord::exit_code() const {
  int worst = signal == 0 ? 0 : first_signal_code + signal;
  for (const CompareRun& run : runs) {
    const int code = run.record.exit_code();
    if (weight(code) > weight(worst)) worst = code;
  }
  if (worst != 0) return worst;
  if (runs.empty()) {
    const bool only_usage =
        !destinations.empty() &&
        std::all_of(destinations.begin(), destinations.end(),
                    [](const auto& destination) { return destination.code == 2; });
    return only_usage ? 2 : 3;
  }
  return std::any_of(destinations.begin(), destinations.end(), missed) ? 1 : 0;
}

}  // namespace holdfast::initiator
