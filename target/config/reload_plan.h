#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "target/config/config.h"

namespace holdfast::target {

/// What becomes of a target that is in both configurations. Numbers are of Luns.
struct TargetChange {
  std::string name;
  bool settings = false;  // any directive but users and Luns
  bool accounts = false;
  std::vector<std::uint32_t> removed;
  std::vector<std::uint32_t> added;
  std::vector<std::uint32_t> replaced;  // in both, and not alike

  bool changes_luns() const { return !removed.empty() || !added.empty() || !replaced.empty(); }
  bool operator==(const TargetChange&) const = default;
};

/// What leads from one configuration to another, and nothing more. What is not named here is not
/// touched.
struct ReloadPlan {
  bool discovery_accounts = false;
  std::vector<std::string> removed;   // targets
  std::vector<std::string> added;     // in the new file's order
  std::vector<TargetChange> changed;  // in the new file's order

  bool empty() const { return !discovery_accounts && removed.empty() && added.empty() && changed.empty(); }
};

/// Compares what is in force with what is wanted. The order of targets, Luns and users, and where
/// they stand in a file, are no difference. Pure.
ReloadPlan plan_reload(const Config& running, const Config& wanted);

}  // namespace holdfast::target
