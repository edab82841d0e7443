#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "common/base/result.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::testing_support {

/// Our own daemon as a process on a free loopback port, with one target; killed when the object goes.
class Holdfastd {
 public:
  static constexpr const char* target = "iqn.2026-11.example.test:holdfastd";

  /// Runs `program` with LUN 0 on `image`.
  static Result<std::unique_ptr<Holdfastd>> start(const std::string& program, const std::string& image);
  ~Holdfastd();
  Holdfastd(const Holdfastd&) = delete;
  Holdfastd& operator=(const Holdfastd&) = delete;

  std::string url() const { return "iscsi://" + portal_ + "/" + target + "/0"; }

 private:
  Holdfastd() = default;
  TemporaryFolder folder_;
  std::string portal_;
  pid_t pid_ = -1;
};

}  // namespace holdfast::testing_support
