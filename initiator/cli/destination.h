#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/device/iscsi_login.h"
#include "initiator/device/iscsi_url.h"
#include "initiator/device/nbd_url.h"
#include "initiator/device/reconnecting_device.h"
#include "initiator/tree/nfs_tree.h"
#include "initiator/tree/nfs_url.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// How long a connection that broke is sought again, and who is told; none: it is not.
struct Reconnect {
  Duration time{};
  ReconnectListener* listener = nullptr;
};

/// Where a workload goes, as the command line says it.
class Destination {
 public:
  /// Reads `iscsi://…`, `nbd://…` and its kin, `nfs://…`, `file:///path` or `dir:///path`. A password
  /// that the URL leaves out comes from `secret`; `engine` is who talks iSCSI.
  static Result<Destination> parse(std::string_view text, const char* secret,
                                    IscsiEngine engine = engine_default);

  /// Without a password.
  std::string to_string() const;
  /// A block device, on which a copy makes a filesystem; everything else is a tree of files.
  bool is_device() const;
  /// It is storage of this machine, in which a call can stick so that the process cannot end.
  bool may_stick() const;
  /// The path of an image, a block device or a mounted directory; empty for what is not of this machine.
  std::string path() const;
  /// A new session with a device, up within `deadline`. Writable unless `read_only`. It takes `depth`
  /// requests at once; 0: as many as are usual for its kind. A connection that breaks is sought again as
  /// `reconnect` says.
  Task<Result<std::unique_ptr<Device>>> open_device(Loop& loop, bool read_only, Duration deadline,
                                                    std::uint32_t depth = 0, Reconnect reconnect = {}) const;
  /// The same with a tree; of those only NFS has a connection of its own.
  Task<Result<std::unique_ptr<Tree>>> open_tree(Loop& loop, bool read_only, Duration deadline,
                                                StuckIn* stuck_in = nullptr, Reconnect reconnect = {}) const;

 private:
  struct File {
    std::string path;
  };
  struct Nfs {
    NfsUrl url;
    /// What writing found that reading back has to know.
    std::shared_ptr<NfsFindings> findings = std::make_shared<NfsFindings>();
  };
  explicit Destination(Nfs nfs) : place_(std::move(nfs)) {}
  struct Directory {
    std::string path;
  };
  Destination(IscsiUrl url, IscsiEngine engine) : place_(std::move(url)), engine_(engine) {}
  explicit Destination(NbdUrl url) : place_(std::move(url)) {}
  explicit Destination(File file) : place_(std::move(file)) {}
  explicit Destination(Directory directory) : place_(std::move(directory)) {}

  Task<Result<std::unique_ptr<Device>>> open_session(Loop& loop, bool read_only, Duration deadline,
                                                     std::uint32_t depth, iscsi::Isid isid) const;

  std::variant<IscsiUrl, NbdUrl, Nfs, File, Directory> place_;
  IscsiEngine engine_ = engine_default;
};

}  // namespace holdfast::initiator
