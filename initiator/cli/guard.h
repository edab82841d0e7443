#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/runtime/timer.h"
#include "initiator/cli/apart.h"

namespace holdfast::initiator {

/// The last resort against never ending: a thread of its own that ends the process when the loop
/// does not. It counts its own ticks rather than the clock, so that a stop of the whole process
/// counts for nothing.
class Guard {
 public:
  /// Ends the process with exit code 4 when the loop has not beaten for `stuck_limit`. Before it ends
  /// the process it says so by `notice`.
  Guard(Loop& loop, Duration stuck_limit, ExitNotice notice);
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  /// The process ends after `time` at the latest, with `code`, its last words on standard output.
  /// What was armed first stays.
  void arm(Duration time, int code, std::string last_words);

 private:
  /// Beats while the loop turns.
  class Heart final : public Timer {
   public:
    Heart(Loop& loop, Guard& guard) : Timer(loop), guard_(guard) { expire(); }
    ~Heart() = default;

   private:
    void expire() override;
    Guard& guard_;
  };

  void keep_watch();
  [[noreturn]] void end(int code, const std::string& words, int fd) const;

  static constexpr Duration tick = std::chrono::milliseconds(50);

  const Duration stuck_limit_;
  const ExitNotice notice_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  bool armed_ = false;
  Duration since_beat_{};
  Duration left_{};
  int code_ = 0;
  std::string last_words_;
  Heart heart_;
  std::thread thread_;
};

/// Writes as much of `text` as goes without waiting for a reader.
void write_without_waiting(int fd, std::string_view text);

}  // namespace holdfast::initiator
