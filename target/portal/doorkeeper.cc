#include "target/portal/doorkeeper.h"

#include <algorithm>

namespace holdfast::target {

Doorkeeper::Entry Doorkeeper::enter(const std::string& source) {
  Entry entry;
  const auto same_source = by_source_.find(source);
  const bool source_is_full = same_source != by_source_.end() &&
                              same_source->second.size() >= limits_.waiting_per_source_max;
  if (source_is_full) {
    entry.evicted = *same_source->second.begin();
    leave(*entry.evicted);
  } else if (sources_.size() >= limits_.waiting_max) {
    entry.evicted = evict_oldest();
  }
  entry.ticket = ++last_ticket_;
  sources_.emplace(entry.ticket, source);
  by_source_[source].insert(entry.ticket);
  return entry;
}

std::optional<Doorkeeper::Ticket> Doorkeeper::evict_oldest() {
  const auto fullest = std::max_element(
      by_source_.begin(), by_source_.end(),
      [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  if (fullest == by_source_.end()) return std::nullopt;
  const Ticket oldest = *fullest->second.begin();
  leave(oldest);
  return oldest;
}

void Doorkeeper::leave(Ticket ticket) {
  const auto found = sources_.find(ticket);
  if (found == sources_.end()) return;
  const auto same_source = by_source_.find(found->second);
  same_source->second.erase(ticket);
  if (same_source->second.empty()) by_source_.erase(same_source);
  sources_.erase(found);
}

}  // namespace holdfast::target
