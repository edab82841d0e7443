// holdfastd, stage by stage. What can be wrong is found before anybody is served, and nothing is
// said to have started before it has.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/log.h"
#include "common/runtime/loop.h"
#include "common/runtime/signals.h"
#include "target/config/load.h"
#include "target/portal/background.h"
#include "target/portal/exit_code.h"
#include "target/portal/open_targets.h"
#include "target/portal/options.h"
#include "target/portal/process.h"
#include "target/portal/server.h"
#include "target/portal/sockets.h"
#include "target/store/state_folder.h"

namespace holdfast::target {
namespace {

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
int check(const ParsedConfig& parsed, const std::string& state_dir) {
  Diagnostics with_paths(parsed.config.file);
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

/// Without users and without a list of initiators, whoever reaches an address may write.
void warn_of_open_doors(const std::vector<SocketAddress>& addresses, const Config& config) {
  Access access(config.access_folders);
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
  const Config& config;
  Server& server;
  Signals& signals;
  std::optional<Background>& background;
};

/// From the first login to the last command.
Task<void> serve(Service& service) {
  service.server.start();
  const std::vector<SocketAddress> addresses = service.server.addresses();
  const Status announced = announce_ready(service.options.ready_fd, addresses);
  if (!announced) log(LogLevel::warning, "{}", announced.error().message);
  if (service.background) {
    service.background->serving();
    log_to_syslog("holdfastd", service.options.log_level);
  }
  for (const SocketAddress& address : addresses)
    log(LogLevel::info, "serving {} targets on {}", service.config.targets.size(),
        address.to_string());
  warn_of_open_doors(addresses, service.config);

  const int number = co_await service.signals.next();
  log(LogLevel::info, "signal {}: letting commands finish", number);
  announce_stopping();
  Scope scope;
  Task<void> impatience = end_at_second_signal(service.signals);
  scope.spawn(std::move(impatience));
  std::function<void()> give_up = [] { std::_Exit(EXIT_FAILURE); };
  co_await service.server.drain(std::move(give_up));
  service.signals.stop();
  co_await scope.join();
  log(LogLevel::info, "ended");
}

int run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  log_to_stderr(options.log_level);

  const ParsedConfig parsed = load_config(options.config);
  if (options.check || !parsed.good()) return check(parsed, options.state_dir);
  print(parsed.diagnostics);
  const Config& config = parsed.config;
  if (!config.portal_groups.empty() && !options.addresses.empty()) {
    fmt::print(stderr, "holdfastd: --address and the PortalGroup lines of {} both say where to listen\n", config.file);
    return exit_usage;
  }

  // The ring belongs to the process that uses it, so the daemon is its own process before that.
  std::optional<Background> background;
  if (!options.foreground) {
    Result<Background> entered = Background::enter();
    if (!entered) return cannot_start(entered.error());
    background = std::move(*entered);
  }
  raise_descriptor_limit();
  // Before the ring starts threads of its own, which are to leave the signals to us.
  Result<Signals> signals = Signals::open({SIGTERM, SIGINT});
  if (!signals) return cannot_start(signals.error());
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!loop) return cannot_start(loop.error());

  std::unique_ptr<StateFolder> state;
  if (!options.state_dir.empty()) {
    Result<std::unique_ptr<StateFolder>> opened = StateFolder::open(options.state_dir, **loop);
    if (!opened) return cannot_start(opened.error());
    state = std::move(*opened);
  }
  Diagnostics problems(config.file);
  TargetTable targets;
  targets.set_state_folder(state.get());
  open_targets(config, false, targets, problems);
  if (!print(problems.take())) return exit_usage;

  const std::vector<PortalGroup> groups =
      config.portal_groups.empty() ? one_portal_group(options.addresses) : config.portal_groups;
  Result<std::vector<OpenPortal>> portals = listen_on(groups, options.port);
  if (!portals) return cannot_start(portals.error());
  // Ports below 1024 and devices are open now: root is needed no more.
  const Status dropped = drop_privileges(options.uid, options.gid);
  if (!dropped) return cannot_start(dropped.error());
  if (state != nullptr) {
    const Status writable = state->check_writable();
    if (!writable) return cannot_start(writable.error());
  }

  Server server(**loop, targets, std::move(*portals));
  Service service{options, config, server, *signals, background};
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
