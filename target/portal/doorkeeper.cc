#include "target/portal/doorkeeper.h"

#include "common/base/check.h"

namespace holdfast::target {

bool Doorkeeper::enter(const std::string& source) {
  if (half_open_ == limits_.half_open_max) return false;
  std::size_t& from_source = by_source_[source];
  if (from_source == limits_.half_open_per_source_max) return false;
  ++from_source;
  ++half_open_;
  return true;
}

void Doorkeeper::leave(const std::string& source) {
  const auto found = by_source_.find(source);
  CHECK(found != by_source_.end() && half_open_ > 0);
  --half_open_;
  if (--found->second == 0) by_source_.erase(found);
}

}  // namespace holdfast::target
