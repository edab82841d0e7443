#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "initiator/fault/rules.h"

namespace holdfast::initiator {

/// What was done to a path, and when: for people as lines, for tests and comparisons as JSON.
class FaultDiary {
 public:
  /// Of a proxy that began at `began`, on the clock of timers and on the wall's.
  FaultDiary(Instant began, double unix_seconds) : began_(began), unix_seconds_(unix_seconds) {}

  void note(const FaultEvent& event);
  /// "   5.003 s  begun   1: after 5s stop in   (out 12.4 MiB, 310 messages; in …)".
  std::string line(const FaultEvent& event) const;
  std::string line(const std::string& remark, Instant at) const;
  /// "holdfast.fault/1".
  std::string json(const std::string& listening, const std::string& server, std::uint64_t seed,
                   const PathPosition& end, Instant now) const;

 private:
  double seconds(Instant at) const;

  /// Of a run of days only the beginning is kept.
  static constexpr std::size_t events_most = 100'000;
  const Instant began_;
  const double unix_seconds_;
  std::vector<FaultEvent> events_;
  std::uint64_t left_out_ = 0;
};

}  // namespace holdfast::initiator
