#include "target/portal/log_quota.h"

#include <algorithm>
#include <utility>

namespace holdfast::target {

std::optional<std::uint64_t> LogQuota::take(const std::string& source, Instant now) {
  Source& known = find(source, now);
  known.last = now;
  const auto earned = static_cast<std::uint64_t>(std::max<std::int64_t>((now - known.filled) / one_more_after, 0));
  known.left = static_cast<std::uint32_t>(std::min<std::uint64_t>(lines_at_once, known.left + earned));
  known.filled = now - (now - known.filled) % one_more_after;
  if (known.left == 0) {
    ++known.refused;
    return std::nullopt;
  }
  --known.left;
  return std::exchange(known.refused, 0);
}

LogQuota::Source& LogQuota::find(const std::string& source, Instant now) {
  const auto found = sources_.find(source);
  if (found != sources_.end()) return found->second;
  if (sources_.size() == sources_max)
    sources_.erase(std::min_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) {
      return a.second.last < b.second.last;
    }));
  return sources_.emplace(source, Source{.filled = now, .last = now}).first->second;
}

}  // namespace holdfast::target
