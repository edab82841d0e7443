#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/workload/copy.h"
#include "initiator/workload/estimate.h"
#include "initiator/workload/verify.h"
#include "tests/support/memory_tree.h"

namespace holdfast::initiator {

/// A directory of its own that goes with the test.
class Scratch {
 public:
  Scratch() {
    std::string name = std::filesystem::temp_directory_path() / "holdfast_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    // Not std::filesystem: paths longer than PATH_MAX are in there.
    const std::string command = "chmod -R u+rwX '" + path_ + "' && rm -rf '" + path_ + "'";
    if (std::system(command.c_str()) != 0) ADD_FAILURE() << "could not remove " << path_;
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  void directory(const std::string& name) const {
    std::filesystem::create_directories(*this / name);
  }
  void file(const std::string& name, const std::string& content) const {
    std::ofstream(*this / name, std::ios::binary) << content;
  }

 private:
  std::string path_;
};

/// A loop, and the workloads run on it to their ends.
class Workload {
 public:
  explicit Workload(const std::string& source) {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    if (!created) std::abort();
    loop_ = std::move(created).value();
    options.path = source;
  }

  SourceOptions options;
  PressureOptions pressure;
  Progress progress;
  std::atomic<bool> cancelled = false;
  SourceEstimate estimate;
  CopyResult copied;
  VerifyResult verified;

  Loop& loop() { return *loop_; }

  Status look() {
    Status status;
    loop_->run(look_task(status));
    return status;
  }
  /// An estimate and a copy.
  const CopyResult& copy(Tree& tree) {
    copied = CopyResult();
    loop_->run(copy_task(tree));
    return copied;
  }
  const VerifyResult& verify(Tree& tree) {
    verified = VerifyResult();
    loop_->run(verify_task(tree));
    return verified;
  }

 private:
  Task<void> look_task(Status& status) {
    Result<SourceEstimate> found = co_await estimate_source(options, cancelled);
    if (found)
      estimate = *found;
    else
      status = found.error();
  }
  Task<void> copy_task(Tree& tree) {
    Status looked;
    co_await look_task(looked);
    EXPECT_TRUE(looked) << looked.error().message;
    CopyOptions copy_options;
    copy_options.source = options;
    copy_options.pressure = pressure;
    CopyResult result =
        co_await copy_tree(*loop_, tree, copy_options, estimate, progress, cancelled);
    copied = std::move(result);
  }
  Task<void> verify_task(Tree& tree) {
    VerifyOptions verify_options;
    verify_options.source = options;
    verify_options.mark = estimate.mark;
    verify_options.known = &copied.problems;
    VerifyResult result =
        co_await verify_tree(*loop_, tree, verify_options, estimate, progress, cancelled);
    verified = std::move(result);
  }

  std::unique_ptr<Loop> loop_;
};

/// What was found, for a failed expectation.
inline std::string text_of(const BoundedList<SourceProblem>& problems) {
  std::string text;
  for (const SourceProblem& one : problems.kept()) text += one.path + ": " + one.reason + "\n";
  return text;
}

inline std::string text_of(const BoundedList<Mismatch>& mismatches) {
  std::string text;
  for (const Mismatch& one : mismatches.kept()) {
    text += one.path + ": " + one.what;
    if (one.offset) text += " at " + std::to_string(*one.offset);
    text += "\n";
  }
  return text;
}

}  // namespace holdfast::initiator
