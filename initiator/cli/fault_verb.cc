// `holdfast fault`: everything that can be wrong is found first, then it listens and says so, and serves
// until a signal ends it.

#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>
#include <vector>

#include "common/runtime/scope.h"
#include "common/runtime/signals.h"
#include "initiator/cli/verbs.h"
#include "initiator/fault/diary.h"
#include "initiator/fault/proxy.h"
#include "initiator/fault/step_text.h"
#include "initiator/report/record_file.h"

namespace holdfast::initiator {
namespace {

Error wrong(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

/// "host:port" or "[::1]:port", names looked up.
Result<SocketAddress> resolve(const std::string& text, bool datagrams) {
  const std::size_t colon = text.rfind(':');
  unsigned port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string::npos || colon == 0 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end || port > 65535 || colon + 1 == text.size())
    return wrong(fmt::format("'{}' is not HOST:PORT", text));
  const std::string host = text.substr(0, colon);
  if (Result<SocketAddress> numeric = SocketAddress::parse(host, static_cast<std::uint16_t>(port))) return numeric;
  addrinfo hints{};
  hints.ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), text.c_str() + colon + 1, &hints, &found); code != 0)
    return wrong(fmt::format("'{}': {}", text, ::gai_strerror(code)));
  sockaddr_storage storage{};
  std::copy_n(reinterpret_cast<const std::byte*>(found->ai_addr), found->ai_addrlen, reinterpret_cast<std::byte*>(&storage));
  ::freeaddrinfo(found);
  return SocketAddress::from(storage);
}

Result<std::vector<FaultStep>> read_steps(const FaultOptions& options) {
  std::vector<FaultStep> steps;
  for (const std::string& text : options.steps) {
    Result<FaultStep> step = parse_fault_step(text);
    if (!step) return wrong(fmt::format("--step '{}': {}", text, step.error().message));
    steps.push_back(std::move(step).value());
  }
  if (!options.script.empty()) {
    std::ifstream file(options.script);
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (!file && text.empty()) return Error::from_errno(errno == 0 ? EIO : errno, "read " + options.script);
    Result<std::vector<FaultStep>> script = parse_fault_script(text, options.script);
    if (!script) return script;
    std::move(script->begin(), script->end(), std::back_inserter(steps));
  }
  for (const FaultStep& step : steps)
    if (Status fits = fits_transport(step, options.udp); !fits) return fits.error();
  return steps;
}

double unix_seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class FaultRun final : private FaultListener {
 public:
  FaultRun(Loop& loop, Signals& signals, const FaultOptions& options, std::uint64_t seed)
      : loop_(loop), signals_(signals), options_(options), seed_(seed), rules_(seed), input_(loop) {}

  Status open(const SocketAddress& address, const SocketAddress& server) {
    Result<Fd> listening = options_.udp ? bind_udp(address) : listen_tcp(address);
    if (!listening) return listening.error();
    listening_ = local_address(listening->get()).to_string();
    server_ = server.to_string();
    path_ = options_.udp ? make_udp_path(loop_, rules_, *this, std::move(*listening), server)
                         : make_tcp_path(loop_, rules_, *this, std::move(*listening), server);
    return {};
  }

  Task<void> run(std::vector<FaultStep> steps) {
    for (FaultStep& step : steps) rules_.add(std::move(step), clock_now());
    path_->rules_changed();
    say_ready();
    Scope scope;
    scope.spawn(end_by_signal());
    if (options_.live) scope.spawn(take_live_steps());
    co_await path_->serve();
    co_await scope.join();
  }

  std::string json() const { return diary_.json(listening_, server_, seed_, rules_.position(), clock_now()); }

 private:
  void happened(const FaultEvent& event) override {
    diary_.note(event);
    tell(diary_.line(event));
  }
  void remark(const std::string& words) override { tell(diary_.line(words, clock_now())); }
  void tell(const std::string& line) {
    if (!options_.quiet) std::fputs((line + "\n").c_str(), stderr);
  }

  void say_ready() {
    const std::string line = fmt::format("ready {}\n", listening_);
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
    if (options_.ready_fd && ::write(*options_.ready_fd, line.data(), line.size()) < 0)
      complain(Error::from_errno(errno, fmt::format("--ready-fd {}", *options_.ready_fd)), 0);
    if (options_.ready_fd) ::close(*options_.ready_fd);
  }

  Task<void> end_by_signal() {
    co_await signals_.next();
    path_->stop();
    input_.cancel_all();
  }

  Task<void> take_live_steps() {
    constexpr std::uint64_t as_it_comes = ~std::uint64_t{0};
    constexpr std::size_t line_most = 4096;
    std::string text;
    std::array<char, 1024> piece{};
    while (!input_.cancelled()) {
      Task<std::int32_t> reading = input_.perform(Operation::read(STDIN_FILENO, piece.data(), piece.size(), as_it_comes));
      const std::int32_t got = co_await reading;
      if (got <= 0) break;
      text.append(piece.data(), static_cast<std::size_t>(got));
      for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        take_live_step(text.substr(0, end));
        text.erase(0, end + 1);
      }
      if (text.size() > line_most) text.clear();
    }
    if (!text.empty()) take_live_step(text);
  }

  void take_live_step(const std::string& line) {
    Result<std::vector<FaultStep>> steps = parse_fault_script(line, "standard input");
    if (!steps) {
      complain(steps.error(), 0);
      return;
    }
    for (FaultStep& step : *steps) {
      if (const Status fits = fits_transport(step, options_.udp); !fits)
        complain(fits.error(), 0);
      else if (!rules_.add(std::move(step), clock_now()))
        complain(wrong(fmt::format("'{}': there are {} steps already", line, FaultRules::steps_most)), 0);
    }
    path_->rules_changed();
  }

  Loop& loop_;
  Signals& signals_;
  const FaultOptions& options_;
  const std::uint64_t seed_;
  FaultRules rules_;
  FaultDiary diary_{clock_now(), unix_seconds_now()};
  std::string listening_;
  std::string server_;
  std::unique_ptr<FaultPath> path_;
  Cancellable input_;
};

}  // namespace

int fault_verb(const FaultOptions& options) {
  Result<std::vector<FaultStep>> steps = read_steps(options);
  if (!steps) return complain(steps.error(), exit_usage);
  const Result<SocketAddress> server = resolve(options.server, options.udp);
  if (!server) return complain(server.error(), exit_usage);
  const Result<SocketAddress> address = resolve(options.listen, options.udp);
  if (!address) return complain(address.error(), exit_usage);
  if (!options.json_path.empty())
    if (const Status writable = check_record_path(options.json_path); !writable)
      return complain(writable.error(), exit_usage);
  std::signal(SIGPIPE, SIG_IGN);
  Result<Signals> signals = Signals::open({SIGINT, SIGTERM});
  if (!signals) return complain(signals.error(), exit_not_started);
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!loop) return complain(loop.error(), exit_not_started);
  FaultRun run(**loop, *signals, options, options.seed.value_or(std::random_device()() % 1'000'000));
  if (const Status opened = run.open(*address, *server); !opened) return complain(opened.error(), exit_not_started);
  (*loop)->run(run.run(std::move(*steps)));
  if (options.json_path.empty()) return 0;
  const Status written = write_whole(run.json(), options.json_path);
  return written ? 0 : complain(written.error(), exit_not_started);
}

}  // namespace holdfast::initiator
