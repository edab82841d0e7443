#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/iscsi_url.h"
#include "initiator/device/lun_probe.h"

namespace holdfast::initiator {

struct FoundLun {
  std::uint16_t number = 0;
  LunFacts facts;
  std::string problem;  // why the facts are missing or not all there
};

struct FoundTarget {
  std::string name;
  std::vector<std::string> portals;
  std::vector<FoundLun> luns;
  std::string problem;  // why it could not be looked into
};

/// What a portal offers: SendTargets in a discovery session, then for each target a session of its
/// own, with REPORT LUNS and a look at each LUN. One target that refuses us spoils no other. Each
/// session has `step` to come up and for every command.
Task<Result<std::vector<FoundTarget>>> discover(Loop& loop, IscsiUrl portal, IscsiEngine engine, Duration step);

/// The LUNs of REPORT LUNS parameter data (SPC-4 section 6.33) that can be addressed here.
std::vector<std::uint16_t> parse_lun_list(const std::vector<std::uint8_t>& data);

}  // namespace holdfast::initiator
