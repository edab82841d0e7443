#include "initiator/servers/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <fstream>

#include "initiator/servers/keeper_process.h"

namespace holdfast::initiator {

Result<Keeper> Keeper::start(const KeptProgram& program, int held) {
  std::array<int, 2> life{};
  if (::pipe2(life.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "open a pipe");
  Fd life_end(life[0]);
  Fd life_ours(life[1]);
  std::array<int, 2> news{};
  if (::pipe2(news.data(), O_CLOEXEC | O_NONBLOCK) != 0) return Error::from_errno(errno, "open a pipe");
  Fd news_ours(news[0]);
  Fd news_end(news[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno(errno, "start a process");
  if (pid == 0) {
    become_keeper("holdfast-keeper", {life_end.get(), news_end.get(), held});
    keep_program(program, life_end.get(), news_end.get());
  }
  return Keeper(pid, std::move(life_ours), std::move(news_ours), program.log_path);
}

Keeper::~Keeper() { stop(); }

const std::optional<std::string>& Keeper::ended() {
  if (ended_ || !news_) return ended_;
  std::array<char, 1024> text{};
  const ssize_t got = ::read(news_.get(), text.data(), text.size());
  if (got > 0) ended_ = std::string(text.data(), static_cast<std::size_t>(got));
  if (got == 0) ended_ = "lost with its keeper";
  return ended_;
}

std::vector<std::string> Keeper::last_words(std::size_t lines) const {
  std::ifstream file(log_path_);
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    last.push_back(std::move(line));
    if (last.size() > lines) last.pop_front();
  }
  return {last.begin(), last.end()};
}

void Keeper::stop() {
  if (!life_) return;
  life_.reset();
  // It kills what does not end by itself, and always ends.
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace holdfast::initiator
