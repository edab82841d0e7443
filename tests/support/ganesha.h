#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::testing_support {

/// A real NFS server that is not ours: nfs-ganesha on free loopback ports, serving a directory of its
/// own as /export. Killed when the object goes, and with it the rpcbind that it needed, if there was
/// none.
class Ganesha {
 public:
  struct Options {
    unsigned version = 4;  // 3 needs an rpcbind
    /// More lines of the export's block: "Access_Type = RO;".
    std::string export_lines = "Access_Type = RW; Squash = No_Root_Squash;";
    std::string core_lines;
  };
  /// The error says why it cannot run here.
  static Result<std::unique_ptr<Ganesha>> start(const Options& options);
  ~Ganesha();
  Ganesha(const Ganesha&) = delete;
  Ganesha& operator=(const Ganesha&) = delete;

  /// Where what is served lies on this machine's disk.
  std::string directory() const { return folder_.file("export"); }
  /// "nfs://127.0.0.1/export?version=4&nfsport=N".
  std::string url() const;
  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }

  void stop() const;   // SIGSTOP
  void go_on() const;  // SIGCONT
  void kill();

 private:
  explicit Ganesha(Options options) : options_(std::move(options)) {}
  Status try_start();
  bool await_ready() const;

  const Options options_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  std::uint16_t mount_port_ = 0;
  pid_t pid_ = -1;
  pid_t rpcbind_ = -1;
};

}  // namespace holdfast::testing_support
