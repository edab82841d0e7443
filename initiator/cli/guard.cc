#include "initiator/cli/guard.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/runtime/loop.h"
#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

constexpr int hang_exit_code = 4;

/// A thread on which no signal is delivered: they belong to the loop.
template <typename Function>
std::thread start_without_signals(Function function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(function));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

void write_without_waiting(int fd, std::string_view text) {
  // A pipe that is ready takes PIPE_BUF bytes at least, so a piece this small does not wait.
  constexpr std::size_t piece = 512;
  while (!text.empty()) {
    pollfd ready{fd, POLLOUT, 0};
    if (::poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) return;
    const ssize_t put = ::write(fd, text.data(), std::min(text.size(), piece));
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

void Guard::Heart::expire() {
  {
    const std::lock_guard lock(guard_.mutex_);
    guard_.since_beat_ = Duration(0);
  }
  arm(clock_now() + std::chrono::milliseconds(500));
}

Guard::Guard(Loop& loop, Duration stuck_limit, ExitNotice notice)
    : stuck_limit_(stuck_limit), notice_(notice), heart_(loop, *this), thread_(start_without_signals([this] { keep_watch(); })) {}

Guard::~Guard() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Guard::arm(Duration time, int code, std::string last_words) {
  const std::lock_guard lock(mutex_);
  if (armed_) return;
  armed_ = true;
  left_ = time;
  code_ = code;
  last_words_ = std::move(last_words);
}

void Guard::keep_watch() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    changed_.wait_for(lock, tick);
    since_beat_ += tick;
    left_ -= tick;
    if (armed_ && left_ <= Duration(0)) end(code_, last_words_, STDOUT_FILENO);
    if (since_beat_ < stuck_limit_) continue;
    end(hang_exit_code,
        fmt::format("holdfast: our own loop has not turned for {}: giving up\n", duration_text(stuck_limit_)),
        STDERR_FILENO);
  }
}

void Guard::end(int code, const std::string& words, int fd) const {
  write_without_waiting(fd, words);
  notice_.send(code);
  ::_exit(code);
}

}  // namespace holdfast::initiator
