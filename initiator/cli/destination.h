#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/device/iscsi_url.h"
#include "initiator/device/nbd_url.h"
#include "initiator/tree/nfs_tree.h"
#include "initiator/tree/nfs_url.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// Where a workload goes, as the command line says it.
class Destination {
 public:
  /// Reads `iscsi://…`, `nbd://…` and its kin, `nfs://…`, `file:///path` or `dir:///path`. A password
  /// that the URL leaves out comes from `secret`.
  static Result<Destination> parse(std::string_view text, const char* secret);

  /// Without a password.
  std::string to_string() const;
  /// A block device, on which a copy makes a filesystem; everything else is a tree of files.
  bool is_device() const;
  /// It is storage of this machine, in which a call can stick so that the process cannot end.
  bool may_stick() const;
  /// The path of an image, a block device or a mounted directory; empty for what is not of this machine.
  std::string path() const;
  /// A new session with a device, up within `deadline`. Writable unless `read_only`. It takes `depth`
  /// requests at once; 0: as many as are usual for its kind.
  Task<Result<std::unique_ptr<Device>>> open_device(Loop& loop, bool read_only, Duration deadline,
                                                    std::uint32_t depth = 0) const;
  /// The same with a tree.
  Task<Result<std::unique_ptr<Tree>>> open_tree(Loop& loop, bool read_only, Duration deadline,
                                                StuckIn* stuck_in = nullptr) const;

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
  explicit Destination(IscsiUrl url) : place_(std::move(url)) {}
  explicit Destination(NbdUrl url) : place_(std::move(url)) {}
  explicit Destination(File file) : place_(std::move(file)) {}
  explicit Destination(Directory directory) : place_(std::move(directory)) {}

  std::variant<IscsiUrl, NbdUrl, Nfs, File, Directory> place_;
};

}  // namespace holdfast::initiator
