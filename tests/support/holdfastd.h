#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::testing_support {

/// Our own daemon as a process on a free loopback port, with one target; killed when the object goes.
class Holdfastd {
 public:
  static constexpr const char* target = "iqn.2026-11.example.test:holdfastd";

  /// Runs `program` with LUN 0 on `image`.
  static Result<std::unique_ptr<Holdfastd>> start(const std::string& program, const std::string& image);
  /// Runs `program` with LUN 0 as `lun` says: "Path=/srv/a.img,Type=fileio". It keeps its state.
  static Result<std::unique_ptr<Holdfastd>> serve(const std::string& program, const std::string& lun,
                                                  unsigned threads = 1);
  ~Holdfastd();
  Holdfastd(const Holdfastd&) = delete;
  Holdfastd& operator=(const Holdfastd&) = delete;

  /// SIGKILL; it is gone when that returns.
  void kill();
  /// After that, on the same state; the port is another one.
  Status restart();

  std::string url() const { return "iscsi://" + portal_ + "/" + target + "/0"; }

 private:
  Holdfastd(std::string program, unsigned threads) : program_(std::move(program)), threads_(threads) {}
  const std::string program_;
  const unsigned threads_;
  TemporaryFolder folder_;
  std::string portal_;
  pid_t pid_ = -1;
};

}  // namespace holdfast::testing_support
