#include "initiator/servers/running_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <string_view>

namespace holdfast::initiator {
namespace {

constexpr int attempts_max = 4;
constexpr Duration look_again = std::chrono::milliseconds(20);
/// One try to talk to a server that accepts connections but may not be ready to serve.
constexpr Duration probe_time = std::chrono::seconds(5);
constexpr std::size_t last_lines = 4;
constexpr std::size_t last_words_max = 600;
constexpr std::array<std::string_view, 3> words_for_taken = {"Address already in use", "address is already in use",
                                                             "EADDRINUSE"};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool accepts_connections(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

/// Whether somebody has the port, as seen by trying to take it.
bool is_taken(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const sockaddr_in address = loopback(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
}

Status write_file(const ServerPlan::File& file) {
  std::ofstream out(file.path, std::ios::binary);
  out << file.text;
  out.close();
  if (!out) return Error::from_errno(errno, "write " + file.path);
  return Status();
}

}  // namespace

Result<std::uint16_t> pick_free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t bytes = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, bytes) != 0 || ::getsockname(socket.get(), generic, &bytes) != 0)
    return Error::from_errno(errno, "find a free port of 127.0.0.1");
  return ntohs(address.sin_port);
}

Result<std::unique_ptr<RunningServer>> RunningServer::start(const ServerRequest& request, const Storage& storage,
                                                            Interrupts& interrupts, const ServerProbe& probe,
                                                            const PickPort& pick_port) {
  Result<std::unique_ptr<RunningServer>> laid_out = lay_out(request, storage);
  if (!laid_out) return laid_out.error();
  RunningServer& running = **laid_out;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const Result<bool> ready = running.attempt(storage, interrupts, probe, pick_port);
    if (!ready) return ready.error();
    if (*ready) return laid_out;
  }
  return Error{ErrorKind::system, EADDRINUSE,
               fmt::format("{} found its port taken {} times: {}", request.server->product, attempts_max,
                           running.last_words())};
}

Result<std::unique_ptr<RunningServer>> RunningServer::lay_out(const ServerRequest& request, const Storage& storage) {
  Result<std::string> folder = storage.make_folder(std::string(request.server->name));
  if (!folder) return folder.error();
  ServerPlace place;
  place.folder = *folder;
  if (request.server->serves == ReferenceServer::Serves::image) {
    place.image = place.folder + "/image";
    if (Status made = renew_image(place.image, request.image_bytes); !made) return made.error();
  } else {
    place.tree = place.folder + "/tree";
    const std::string name = std::string(request.server->name) + "/tree";
    if (Result<std::string> made = storage.make_folder(name); !made) return made.error();
    for (std::uint32_t run = 1; run <= request.runs; ++run)
      if (Result<std::string> made = storage.make_folder(fmt::format("{}/{}", name, run)); !made) return made.error();
  }
  return std::unique_ptr<RunningServer>(new RunningServer(request, std::move(place)));
}

Result<bool> RunningServer::attempt(const Storage& storage, Interrupts& interrupts, const ServerProbe& probe,
                                    const PickPort& pick_port) {
  const ReferenceServer& server = *request_.server;
  place_.port = 0;
  if (!server.picks_port) {
    for (std::uint16_t* port : {&place_.port, &place_.port2}) {
      const Result<std::uint16_t> picked = pick_port();
      if (!picked) return picked.error();
      *port = *picked;
    }
  }
  const ServerPlan plan = server.plan(place_);
  for (const ServerPlan::File& file : plan.files)
    if (Status written = write_file(file); !written) return written.error();
  KeptProgram program;
  program.program = request_.program;
  program.arguments = plan.arguments;
  program.log_path = place_.folder + "/log";
  program.patience = server.ending;
  Result<Keeper> keeper = Keeper::start(program, storage.held());
  if (!keeper) return keeper.error();
  keeper_.emplace(std::move(keeper).value());
  Result<bool> ready = wait_until_ready(interrupts, probe);
  if (!ready || !*ready) keeper_->stop();
  return ready;
}

Result<bool> RunningServer::wait_until_ready(Interrupts& interrupts, const ServerProbe& probe) {
  const ReferenceServer& server = *request_.server;
  const Instant until = clock_now() + server.starting;
  std::string last_answer = "it accepts no connection";
  while (clock_now() < until) {
    if (interrupts.signal() != 0) return Error{ErrorKind::cancelled, ECANCELED, "interrupted"};
    if (const std::optional<std::string>& how = keeper_->ended(); how) {
      const std::string words = last_words();
      const bool taken = std::any_of(words_for_taken.begin(), words_for_taken.end(),
                                     [&](auto sign) { return words.find(sign) != std::string::npos; }) ||
                         (!server.picks_port && (is_taken(place_.port) || is_taken(place_.port2)));
      if (taken) return false;
      return Error{ErrorKind::refused, 0, fmt::format("{} did not start: {}{}", server.product, *how, words)};
    }
    if (take_port() && accepts_connections(place_.port)) {
      const Status answer = probe(url(1), std::min(probe_time, until - clock_now()));
      // Somebody else may have answered on a port that our server did not get.
      if (answer && !keeper_->ended()) return true;
      if (!answer) last_answer = answer.error().message;
    }
    interrupts.sleep(look_again);
  }
  return Error{ErrorKind::timed_out, ETIMEDOUT,
               fmt::format("{} did not get ready within {} s: {}{}", server.product,
                           std::chrono::duration_cast<std::chrono::seconds>(server.starting).count(), last_answer,
                           last_words())};
}

/// Whether the port is known, if the server was to pick it.
bool RunningServer::take_port() {
  if (place_.port != 0) return true;
  constexpr std::string_view sign = "ready 127.0.0.1:";
  std::ifstream log(place_.folder + "/log");
  for (std::string line; std::getline(log, line);) {
    if (!line.starts_with(sign)) continue;
    const char* digits = line.data() + sign.size();
    std::from_chars(digits, line.data() + line.size(), place_.port);
  }
  return place_.port != 0;
}

std::string RunningServer::last_words() const {
  std::string text;
  for (const std::string& line : keeper_->last_words(last_lines)) text += (text.empty() ? "" : " | ") + line;
  if (text.empty()) return "";
  if (text.size() > last_words_max) text = "…" + text.substr(text.size() - last_words_max);
  return "; it said: " + text;
}

std::optional<std::string> RunningServer::ended() {
  const std::optional<std::string>& how = keeper_->ended();
  if (!how) return std::nullopt;
  return fmt::format("{} ended: {}{}", request_.server->product, *how, last_words());
}

Status RunningServer::prepare() const {
  if (place_.image.empty()) return Status();
  return renew_image(place_.image, request_.image_bytes);
}

Status RunningServer::tidy(std::uint32_t run) const {
  if (place_.image.empty()) {
    // ext4 looks at every inode that was freed in the last minutes before it passes over it, so a copy that
    // was deleted would make the next one several times slower. All go together at the end.
    if (has_room_for(place_.tree, 2 * request_.image_bytes)) return Status();
    return empty_folder(fmt::format("{}/{}", place_.tree, run));
  }
  return renew_image(place_.image, request_.image_bytes);
}

}  // namespace holdfast::initiator
