#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace holdfast::testing_support {

/// A real target that is not ours: tgtd on a free loopback port, killed when the object goes.
class Tgtd {
 public:
  static constexpr const char* target = "iqn.2026-11.example.test:tgt";

  /// Serves `images` as LUNs 1, 2, … . The error says why it cannot run here (not installed).
  static Result<std::unique_ptr<Tgtd>> start(const std::vector<std::string>& images);
  ~Tgtd();
  Tgtd(const Tgtd&) = delete;
  Tgtd& operator=(const Tgtd&) = delete;

  std::uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }
  /// "iscsi://127.0.0.1:PORT".
  std::string portal_url() const;
  /// "iscsi://127.0.0.1:PORT/IQN/LUN".
  std::string url(int lun = 1) const;

  void stop() const;  // SIGSTOP
  void go_on() const;  // SIGCONT
  void kill();
  /// Runs tgtadm with `arguments` after the ones that name this daemon; true if it succeeded.
  bool administer(std::vector<std::string> arguments) const;

 private:
  Tgtd(pid_t pid, int control, std::uint16_t port) : pid_(pid), control_(control), port_(port) {}
  pid_t pid_;
  int control_;
  std::uint16_t port_;
};

}  // namespace holdfast::testing_support
