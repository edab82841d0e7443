#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/base/clock.h"

namespace holdfast::target {

/// How many lines each source address may have in the log for what it does wrong: many at once, but
/// few for long, so that a flood fills no disk and hides nobody else's. Bounded: the source that was
/// quiet for longest goes for a new one. Pure.
class LogQuota {
 public:
  static constexpr std::uint32_t lines_at_once = 200;
  static constexpr Duration one_more_after = std::chrono::milliseconds(100);
  static constexpr std::size_t sources_max = 1024;

  /// Whether `source` may have a line now: then, how many it was refused since its last one.
  std::optional<std::uint64_t> take(const std::string& source, Instant now);

  std::size_t sources() const { return sources_.size(); }

 private:
  struct Source {
    std::uint32_t left = lines_at_once;
    std::uint64_t refused = 0;
    Instant filled;
    Instant last;
  };
  Source& find(const std::string& source, Instant now);

  std::map<std::string, Source> sources_;
};

}  // namespace holdfast::target
