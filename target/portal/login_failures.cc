#include "target/portal/login_failures.h"

#include <algorithm>

namespace holdfast::target {

Duration LoginFailures::note(const std::string& source, Instant now) {
  auto found = sources_.find(source);
  if (found == sources_.end()) {
    make_room(now);
    found = sources_.emplace(source, Source{}).first;
  } else if (now - found->second.last >= forgiven_after) {
    found->second.wait = Duration(0);
  }
  Source& known = found->second;
  known.wait = known.wait == Duration(0) ? first_wait : std::min(known.wait * 2, longest_wait);
  known.last = now;
  return known.wait;
}

void LoginFailures::make_room(Instant now) {
  if (sources_.size() < sources_max) return;
  std::erase_if(sources_, [now](const auto& one) { return now - one.second.last >= forgiven_after; });
  if (sources_.size() < sources_max) return;
  sources_.erase(std::min_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) {
    return a.second.last < b.second.last;
  }));
}

}  // namespace holdfast::target
