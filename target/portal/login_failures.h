#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/base/clock.h"

namespace holdfast::target {

/// Who failed to authenticate lately, by source address, so that guessing secrets is slow: each
/// failure doubles the time for which a source waits for its refusal, up to a limit, and a quiet
/// minute forgives. Bounded: the source that was quiet for longest goes for a new one. Pure.
class LoginFailures {
 public:
  static constexpr Duration first_wait = std::chrono::milliseconds(125);
  static constexpr Duration longest_wait = std::chrono::seconds(2);
  static constexpr Duration forgiven_after = std::chrono::seconds(60);
  static constexpr std::size_t sources_max = 1024;

  /// A failure of `source`: how long it waits.
  Duration note(const std::string& source, Instant now);

  std::size_t sources() const { return sources_.size(); }

 private:
  struct Source {
    Duration wait{};
    Instant last;
  };
  void make_room(Instant now);

  std::map<std::string, Source> sources_;
};

}  // namespace holdfast::target
