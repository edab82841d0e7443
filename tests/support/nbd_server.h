#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::testing_support {

/// A real NBD server that is not ours, on a free loopback port or a socket of its own; killed when the
/// object goes. The errors say why it cannot run here (not installed).
class NbdServer {
 public:
  /// nbdkit with `words` after its options: filters, a plugin and what they take.
  static Result<std::unique_ptr<NbdServer>> start_nbdkit(const std::vector<std::string>& words);
  /// The same behind a Unix domain socket.
  static Result<std::unique_ptr<NbdServer>> start_nbdkit_on_socket(const std::vector<std::string>& words);
  /// nbd-server with `image` as the export "disk", which has `options` (lines of its configuration) too.
  static Result<std::unique_ptr<NbdServer>> start_nbd_server(const std::string& image,
                                                             const std::string& options = {});
  static Result<std::unique_ptr<NbdServer>> start_qemu_nbd(const std::string& image);
  ~NbdServer();
  NbdServer(const NbdServer&) = delete;
  NbdServer& operator=(const NbdServer&) = delete;

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  /// "nbd://127.0.0.1:PORT/EXPORT", or the socket's URL.
  std::string url(const std::string& export_name) const;

  void stop() const;   // SIGSTOP
  void go_on() const;  // SIGCONT
  /// Ends it and every connection at once.
  void kill();

 private:
  NbdServer() = default;
  using Command = std::function<std::vector<std::string>(NbdServer&)>;
  static Result<std::unique_ptr<NbdServer>> start(const char* program, const char* package, bool local,
                                                  const Command& command);
  bool greets() const;
  void find_daemon();

  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  std::string socket_;    // in place of a port
  std::string pid_file_;  // of a server that goes into the background
  pid_t pid_ = -1;
  bool is_our_child_ = true;
};

}  // namespace holdfast::testing_support
