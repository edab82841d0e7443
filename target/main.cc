// holdfastd, stage by stage. What can be wrong is found before anybody is served, and nothing is
// said to have started before it has.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/log.h"
#include "common/runtime/blocking_crew.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/signals.h"
#include "target/admin/administrator.h"
#include "target/admin/control_server.h"
#include "target/admin/control_wire.h"
#include "target/admin/lun_faults.h"
#include "target/admin/metrics_server.h"
#include "target/config/load.h"
#include "target/portal/background.h"
#include "target/portal/echo_server.h"
#include "target/portal/exit_code.h"
#include "target/portal/open_targets.h"
#include "target/portal/options.h"
#include "target/portal/process.h"
#include "target/portal/server.h"
#include "target/portal/sockets.h"
#include "target/store/state_folder.h"

namespace holdfast::target {
namespace {

/// Stores are opened and closed one after another; the second thread is for when that sticks.
constexpr unsigned crew_threads_max = 2;

/// Prints what there is to say about the configuration. Returns whether it can be served.
bool print(const std::vector<Diagnostic>& diagnostics) {
  bool good = true;
  for (const Diagnostic& diagnostic : diagnostics) {
    fmt::print(stderr, "{}\n", diagnostic.to_string());
    good &= diagnostic.severity != Diagnostic::Severity::error;
  }
  return good;
}

/// Says all that is wrong in one go: with the text, and with what the Luns that it could make out
/// lead to. Serves nothing and gets in nobody's way.
int check(const ParsedConfig& parsed, const std::string& state_dir, Rigour rigour) {
  Diagnostics with_paths(parsed.config.file, rigour);
  std::unique_ptr<StateFolder> state;
  if (!state_dir.empty()) {
    // Before the first start it need not be there.
    Result<std::unique_ptr<StateFolder>> looked = StateFolder::look_into(state_dir);
    if (looked) state = std::move(*looked);
  }
  TargetTable targets;
  targets.set_state_folder(state.get());
  open_targets(parsed.config, true, targets, with_paths);
  std::vector<Diagnostic> all = with_paths.take();
  all.insert(all.begin(), parsed.diagnostics.begin(), parsed.diagnostics.end());
  std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return a.line < b.line;
  });
  return print(all) ? exit_ok : exit_usage;
}

int cannot_start(const Error& error) {
  fmt::print(stderr, "holdfastd: {}\n", error.message);
  return exit_cannot_start;
}

/// The same of an option, whose value may be what is wrong.
int cannot_start(const char* option, const Error& error) {
  fmt::print(stderr, "holdfastd: {}: {}\n", option, error.message);
  return error.kind == ErrorKind::invalid_input ? exit_usage : exit_cannot_start;
}

/// Without users and without a list of initiators, whoever reaches an address may write.
void warn_of_open_doors(const std::vector<SocketAddress>& addresses, const Config& config,
                        const std::vector<std::string>& access_folders) {
  Access access(access_folders);
  access.refresh();
  if (access.lists_initiators()) return;
  for (const SocketAddress& address : addresses) {
    if (address.is_loopback()) continue;
    for (const TargetConfig& target : config.targets) {
      if (!target.accounts.incoming.empty()) continue;
      log(LogLevel::warning, "{} is open to whoever can reach {}: it has neither users nor an access list",
          target.name, address.to_string());
    }
  }
}

/// A second signal: whoever sends it does not want to wait for commands to finish.
Task<void> end_at_second_signal(Signals& signals) {
  const int number = co_await signals.next();
  if (number == 0) co_return;
  log(LogLevel::warning, "signal {} again: ending at once", number);
  std::_Exit(128 + number);
}

struct Service {
  const Options& options;
  const TargetTable& targets;
  Server& server;
  Administrator& administrator;
  ControlServer* control;  // nullptr: there is none, as with the next two
  MetricsServer* metrics;
  EchoServer* echo;
  Signals& signals;
  std::optional<Background>& background;
};

/// What it comes to is in the log.
Task<void> reload(Administrator& administrator) {
  const Result<std::string> result = co_await administrator.reload();
  if (!result && result.error().code == EBUSY) log(LogLevel::error, "{}", result.error().message);
}

/// SIGHUP reloads; any other signal ends the wait.
Task<int> wait_for_end(Service& service, Scope& reloads) {
  for (;;) {
    const int number = co_await service.signals.next();
    if (number != SIGHUP) co_return number;
    log(LogLevel::info, "SIGHUP: reading the configuration again");
    Task<void> reloading = reload(service.administrator);
    reloads.spawn(std::move(reloading));
  }
}

/// Ends the process if what was begun does not end.
class LastResort final : public Timer {
 public:
  explicit LastResort(Loop& loop) : Timer(loop) {}

 private:
  void expire() override {
    log(LogLevel::error, "giving up on Luns that are stuck in a store");
    std::_Exit(EXIT_FAILURE);
  }
};

/// Formatting and sanitizing stop here, and go on at the next start.
Task<void> rest(const TargetTable& targets) {
  for (const std::unique_ptr<ServedTarget>& target : targets.all()) {
    Event rested;
    std::function<void()> tell = [&rested] { rested.set(); };
    target->device->rest(std::move(tell));
    co_await rested.wait();
  }
}

Task<void> end(Service& service, Scope& reloads) {
  std::function<void()> give_up = [] { std::_Exit(EXIT_FAILURE); };
  end_faults(service.targets);
  co_await service.server.drain(std::move(give_up));
  LastResort last_resort(Loop::current());
  last_resort.arm(clock_now() + Server::abort_max);
  if (service.metrics != nullptr) co_await service.metrics->stop();
  if (service.echo != nullptr) co_await service.echo->stop();
  if (service.control != nullptr) co_await service.control->stop();
  co_await reloads.join();
  co_await service.administrator.join();
  co_await rest(service.targets);
}

/// From the first login to the last command.
Task<void> serve(Service& service) {
  service.server.start();
  if (service.control != nullptr) service.control->start();
  if (service.metrics != nullptr) service.metrics->start();
  if (service.echo != nullptr) service.echo->start();
  const std::vector<SocketAddress> addresses = service.server.addresses();
  const Status announced = announce_ready(service.options.ready_fd, addresses);
  if (!announced) log(LogLevel::warning, "{}", announced.error().message);
  if (service.background) {
    service.background->serving();
    log_to_syslog("holdfastd", service.options.log_level);
  }
  for (const SocketAddress& address : addresses)
    log(LogLevel::info, "serving {} targets on {}", service.targets.all().size(), address.to_string());
  if (service.options.threads > 1) log(LogLevel::info, "connections are placed on {} threads", service.options.threads);
  if (service.metrics != nullptr) log(LogLevel::info, "metrics on http://{}/metrics", service.metrics->address().to_string());
  if (service.echo != nullptr) log(LogLevel::info, "UDP echo on {}", service.echo->address().to_string());
  warn_of_open_doors(addresses, service.administrator.running(), service.targets.access_folders());

  Scope reloads;
  const int number = co_await wait_for_end(service, reloads);
  log(LogLevel::info, "signal {}: letting commands finish", number);
  announce_stopping();
  Scope scope;
  Task<void> impatience = end_at_second_signal(service.signals);
  scope.spawn(std::move(impatience));
  co_await end(service, reloads);
  service.signals.stop();
  co_await scope.join();
  log(LogLevel::info, "ended");
}

/// No descriptor: none is wanted, or the usual one cannot be had, which is said.
Result<Fd> open_control(const Options& options, const std::string& path) {
  if (path == no_control_socket) return Fd();
  Result<Fd> socket = ControlServer::listen_on(path);
  if (!socket && options.control) return socket;
  if (!socket) {
    log(LogLevel::warning, "{}; holdfastadm cannot reach this daemon (--control names another place)",
        socket.error().message);
    return Fd();
  }
  constexpr auto unchanged = static_cast<uid_t>(-1);
  if ((options.uid || options.gid) &&
      ::chown(path.c_str(), options.uid.value_or(unchanged), options.gid.value_or(unchanged)) != 0)
    return Error::from_errno(errno, "give away " + path);
  return socket;
}

/// What is to be reached beside the portals; no descriptor for what is not.
struct SideDoors {
  Fd control, metrics, echo;
};

/// An exit code if one of them cannot be had, which is said.
std::variant<SideDoors, int> open_side_doors(const Options& options, const std::string& control_socket) {
  Result<Fd> control = open_control(options, control_socket);
  if (!control) return cannot_start(control.error());
  Result<Fd> metrics = options.metrics.empty() ? Fd() : MetricsServer::listen_on(options.metrics);
  if (!metrics) return cannot_start("--metrics", metrics.error());
  Result<Fd> echo = options.echo.empty() ? Fd() : EchoServer::listen_on(options.echo);
  if (!echo) return cannot_start("--echo", echo.error());
  return SideDoors{std::move(*control), std::move(*metrics), std::move(*echo)};
}

/// A daemon leaves the folder where it was started.
std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::absolute(path, error);
  return error ? path : found.string();
}

int run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  log_to_stderr(options.log_level);

  const Rigour rigour = options.compat ? Rigour::compat : Rigour::strict;
  const ParsedConfig parsed = load_config(options.config, {}, rigour);
  if (options.check || !parsed.good()) return check(parsed, options.state_dir, rigour);
  print(parsed.diagnostics);
  const Config& config = parsed.config;
  if (!config.portal_groups.empty() && !options.addresses.empty()) {
    fmt::print(stderr, "holdfastd: --address and the PortalGroup lines of {} both say where to listen\n", config.file);
    return exit_usage;
  }
  const std::string config_file = absolute(config.file);
  const std::string wanted_socket = options.control.value_or(default_control_socket);
  const std::string control_socket = wanted_socket == no_control_socket ? wanted_socket : absolute(wanted_socket);

  // The ring belongs to the process that uses it, so the daemon is its own process before that.
  std::optional<Background> background;
  if (!options.foreground) {
    Result<Background> entered = Background::enter();
    if (!entered) return cannot_start(entered.error());
    background = std::move(*entered);
  }
  raise_descriptor_limit();
  // Before the ring starts threads of its own, which are to leave the signals to us.
  Result<Signals> signals = Signals::open({SIGTERM, SIGINT, SIGHUP});
  if (!signals) return cannot_start(signals.error());
  Result<std::unique_ptr<Loop>> loop = Loop::create({.poll = options.poll, .threads = options.threads});
  if (!loop) return cannot_start(loop.error());

  std::unique_ptr<StateFolder> state;
  if (!options.state_dir.empty()) {
    Result<std::unique_ptr<StateFolder>> opened = StateFolder::open(options.state_dir, **loop);
    if (!opened) return cannot_start(opened.error());
    state = std::move(*opened);
  }
  Diagnostics problems(config.file, rigour);
  TargetTable targets;
  targets.set_state_folder(state.get());
  if (options.enable_faults) {
    log(LogLevel::warning, "--enable-faults: whoever can use holdfastadm can make Luns fail and LOSE DATA");
    targets.enable_faults();
  }
  open_targets(config, false, targets, problems);
  if (!print(problems.take())) return exit_usage;

  const std::vector<PortalGroup> groups =
      config.portal_groups.empty() ? one_portal_group(options.addresses) : config.portal_groups;
  Result<std::vector<OpenPortal>> portals = listen_on(groups, options.port);
  if (!portals) return cannot_start(portals.error());
  std::variant<SideDoors, int> opened = open_side_doors(options, control_socket);
  if (const int* exit_code = std::get_if<int>(&opened)) return *exit_code;
  SideDoors& doors = std::get<SideDoors>(opened);
  // Ports below 1024 and devices are open now: root is needed no more.
  const Status dropped = drop_privileges(options.uid, options.gid);
  if (!dropped) return cannot_start(dropped.error());
  if (state != nullptr) {
    const Status writable = state->check_writable();
    if (!writable) return cannot_start(writable.error());
  }

  Result<std::unique_ptr<BlockingCrew>> crew = BlockingCrew::create(**loop, crew_threads_max);
  if (!crew) return cannot_start(crew.error());
  Server server(**loop, targets, std::move(*portals));
  server.recorder().set_limit(options.slow_limit);
  Administrator administrator(**loop, **crew, targets, server.sessions(), server.recorder(), {.rigour = rigour, .portal_groups = config.portal_groups, .config = config_file});
  std::optional<ControlServer> control;
  if (doors.control) control.emplace(**loop, std::move(doors.control), control_socket, administrator);
  std::optional<MetricsServer> metrics;
  if (doors.metrics) metrics.emplace(**loop, std::move(doors.metrics), administrator);
  std::optional<EchoServer> echo;
  if (doors.echo) echo.emplace(**loop, std::move(doors.echo));
  Service service{options, targets, server, administrator, control ? &*control : nullptr,
                  metrics ? &*metrics : nullptr, echo ? &*echo : nullptr, *signals, background};
  (*loop)->run(serve(service));
  return exit_ok;
}

}  // namespace
}  // namespace holdfast::target

int main(int argc, char** argv) {
  const auto options = holdfast::target::parse_options(argc, argv);
  if (const int* exit_code = std::get_if<int>(&options)) return *exit_code;
  return holdfast::target::run(std::get<holdfast::target::Options>(options));
}
