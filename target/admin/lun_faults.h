#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "target/admin/show.h"
#include "target/portal/target_table.h"

namespace holdfast::target {

/// `holdfastadm fault`: rules by which Luns fail, wait, hang, tear or lose, in a daemon that was started
/// with --enable-faults. `params` is "list", "clear [N]" or "add RULE" (store/fault_text.h); of one Lun,
/// of a target's, or of all.
Result<Shown> answer_fault(const TargetTable& targets, std::optional<std::uint32_t> tid,
                           std::optional<std::uint32_t> lun, const std::string& params);

/// Forgets all rules of a unit, and lets go what hangs by them, so that it can be closed.
void end_faults(LogicalUnit& unit);
/// The same for everything that is served.
void end_faults(const TargetTable& targets);

}  // namespace holdfast::target
