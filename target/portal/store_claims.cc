#include "target/portal/store_claims.h"

#include <utility>

namespace holdfast::target {

const StoreClaims::Claim* StoreClaims::in_the_way(const StoreIdentity& identity, bool read_only) const {
  const auto [first, end] = claims_.equal_range(identity);
  for (auto at = first; at != end; ++at)
    if (!read_only || !at->second.second.read_only) return &at->second.second;
  return nullptr;
}

StoreClaims::Id StoreClaims::add(const StoreIdentity& identity, Claim claim) {
  const Id id = ++last_;
  claims_.emplace(identity, std::make_pair(id, std::move(claim)));
  by_id_.emplace(id, identity);
  return id;
}

void StoreClaims::remove(Id id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const auto [first, end] = claims_.equal_range(found->second);
  for (auto at = first; at != end; ++at) {
    if (at->second.first != id) continue;
    claims_.erase(at);
    break;
  }
  by_id_.erase(found);
}

}  // namespace holdfast::target
