#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/task.h"
#include "common/scsi/sense.h"
#include "target/lun/range_locks.h"
#include "target/lun/steps.h"
#include "target/lun/work_buffers.h"
#include "target/store/store.h"

namespace holdfast::target {

/// What becomes of a whole medium, and how far that has come.
struct JobPlan {
  enum class Kind : std::uint8_t { format, overwrite, block_erase };
  Kind kind = Kind::format;
  std::uint8_t passes = 1;
  bool invert = false;                // each pass writes the opposite of the one before
  bool unrestricted_exit = false;     // AUSE: its failure may be passed over
  std::vector<std::uint8_t> pattern;  // for overwrite: at most a block
  std::uint64_t done = 0;             // bytes, over all passes
  bool operator==(const JobPlan&) const = default;

  std::string encode() const;
  static std::optional<JobPlan> decode(std::string_view text);
};

/// FORMAT UNIT and SANITIZE at work on a medium. While they are, nobody else touches it.
class MediumJob {
 public:
  /// `prepare` is run when the job has the medium to itself, and must come to 0;
  /// `changed` is called when the plan to be remembered over a restart is another one.
  MediumJob(Store& store, RangeLocks& locks, WorkBuffers& buffers, std::uint32_t block_bytes,
            std::function<Task<int>()> prepare, std::function<void()> changed);
  /// Idle by then.
  ~MediumJob();
  MediumJob(const MediumJob&) = delete;
  MediumJob& operator=(const MediumJob&) = delete;

  /// Starts, or goes on with, what is planned. None is running.
  void start(JobPlan plan);
  bool running() const { return running_; }
  /// How the last one ended: 0, or the errno with which it failed.
  int last_error() const { return last_error_; }
  /// The plan that a restart has to go on with.
  const std::optional<JobPlan>& plan() const { return plan_; }
  /// What commands are told that cannot run now, or since the last sanitize failed.
  std::optional<scsi::Sense> sense() const;
  /// Leaves failure behind (SBC-3 5.20.5). False if there is none, or it is not allowed to.
  bool exit_failure_mode();
  /// Stops where it is and tells when it has; at once if nothing runs.
  void stop_and_tell(std::function<void()> stopped);

 private:
  Shell run();
  Task<int> overwrite();
  Task<int> erase();
  void fill(std::span<std::byte> bytes, std::uint64_t pass) const;

  Store& store_;
  RangeLocks& locks_;
  WorkBuffers& buffers_;
  const std::uint32_t block_bytes_;
  std::function<Task<int>()> prepare_;
  std::function<void()> changed_;
  std::optional<JobPlan> plan_;
  bool running_ = false;
  bool failed_ = false;
  bool stop_ = false;
  int last_error_ = 0;
  std::function<void()> stopped_;
};

}  // namespace holdfast::target
