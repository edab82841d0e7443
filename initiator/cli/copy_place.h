#pragma once

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/cli/destination.h"
#include "initiator/device/wire_use.h"
#include "initiator/report/run_record.h"
#include "initiator/tree/tree.h"
#include "initiator/watch/watch_timer.h"
#include "initiator/workload/estimate.h"

namespace holdfast::initiator {

/// Where a copy goes: opened, filled and closed, and opened once more to be read back. A block
/// device gets a filesystem; a tree of files is taken as it is. What the watch sees is the transport
/// below either.
class CopyPlace {
 public:
  CopyPlace() = default;
  CopyPlace(const CopyPlace&) = delete;
  CopyPlace& operator=(const CopyPlace&) = delete;
  virtual ~CopyPlace() = default;

  /// A new session, up within `deadline`; refused if it is to be written and cannot be.
  virtual Task<Status> open(bool read_only, Duration deadline) = 0;
  /// The empty tree to fill, in the open session. It stays ours.
  virtual Task<Result<Tree*>> make_tree(const SourceEstimate& estimate) = 0;
  /// The tree that was filled.
  virtual Task<Result<Tree*>> open_tree() = 0;
  /// Ends the session, if there is one, within `deadline` or without it.
  virtual Task<void> close(Duration deadline) = 0;
  /// Gives everything in flight up.
  virtual void abandon() = 0;
  /// After `close`: the kernel has let go of all memory.
  virtual bool drained() const = 0;

  /// What is known of the place, in this session or the last one.
  const RunRecord::Destination& facts() const { return facts_; }
  /// What went over the wire in this session or the last one.
  virtual WireUse wire() const = 0;
  /// What the peer said last, when it refused or broke off.
  virtual std::string last_error() const = 0;

 protected:
  RunRecord::Destination facts_;
};

/// `timer` outlives the place. A block device's connection is sought again as `reconnect` says.
std::unique_ptr<CopyPlace> make_copy_place(Loop& loop, const Destination& destination, WatchTimer& timer,
                                           Reconnect reconnect);

}  // namespace holdfast::initiator
