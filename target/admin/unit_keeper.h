#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/runtime/blocking_crew.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/portal/lun_opener.h"
#include "target/portal/target_table.h"

namespace holdfast::target {

/// A Lun to be served.
struct ComingLun {
  const TargetConfig* target = nullptr;
  const LunConfig* lun = nullptr;
  /// Its file or device is served by a Lun that is to go first: it is only looked at for now.
  bool waits = false;

  // What came of it.
  OpenedStore opened{};
  std::unique_ptr<LogicalUnit> unit{};
};

/// A Lun that was taken out and is not closed yet.
struct LeavingLun {
  std::string target;
  LunConfig lun;
  std::uint64_t blocks = 0;
  std::uint32_t block_bytes = 0;
};

/// Opens and closes Luns beside what is being served: what may block is done by a crew of threads, and
/// what takes long on the loop is done in small pieces.
class UnitKeeper {
 public:
  UnitKeeper(Loop& loop, BlockingCrew& crew, TargetTable& targets) : loop_(loop), crew_(crew), targets_(targets) {}

  /// Opens the stores of `luns` and makes their units, as far as they do not wait. `free` is what is
  /// served by Luns that stay. What is wrong is in `problems`, and then nothing is left open.
  Task<bool> open(std::vector<ComingLun>& luns, const StoreClaims& free, Diagnostics& problems);
  /// Ends units that were opened and are not to be served after all.
  Task<void> discard(std::vector<ComingLun>& luns);

  /// Takes a Lun out: it finishes what it has, is flushed and closed, while everything else goes on.
  void retire(ServedTarget& target, const LunConfig& lun);
  const std::list<LeavingLun>& leaving() const { return leaving_; }
  bool is_leaving(std::string_view target) const;
  /// Waits until that Lun is closed.
  Task<void> closed(std::string target, std::uint32_t number);
  /// Waits until no Lun is leaving, or until `deadline`. Returns whether none is.
  Task<bool> all_closed(Instant deadline);

  /// Looks at the size of every Lun of these targets, or of the one of that number, and lets those grow
  /// that have grown. Says in `report` what there is to say, a line each.
  Task<void> measure(std::vector<ServedTarget*> targets, std::optional<std::uint32_t> number, std::string& report);

  Task<void> join() { return retiring_.join(); }

 private:
  Task<void> finish(std::shared_ptr<ScsiTarget> device, LogicalUnit& unit, StoreClaims::Id claim,
                    std::list<LeavingLun>::iterator entry);

  Loop& loop_;
  BlockingCrew& crew_;
  TargetTable& targets_;
  std::list<LeavingLun> leaving_;
  Event one_closed_;
  Scope retiring_;
  bool flushing_ = false;
  Event flushed_;
};

}  // namespace holdfast::target
