#include "target/portal/options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <system_error>

#include "common/runtime/loop.h"
#include "target/portal/exit_code.h"

namespace holdfast::target {

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  int debug = 0;
  std::int64_t slow_ms = std::chrono::floor<std::chrono::milliseconds>(options.slow_limit).count();
  CLI::App app{
      "Serves files and block devices as iSCSI disks, as an ietd.conf says.\n"
      "\n"
      "  holdfastd --check -c FILE             say what is wrong with a configuration\n"
      "  holdfastd -f -c FILE -a 127.0.0.1     serve in the foreground, on one address\n"
      "  holdfastd -c /etc/iet/ietd.conf       serve as a daemon, on every address",
      "holdfastd"};
  app.set_version_flag("-v,--version", "holdfastd " HOLDFAST_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.add_option("-c,--config", options.config,
                 "The configuration; without it /etc/iet/ietd.conf, then /etc/ietd.conf")
      ->type_name("FILE");
  app.add_flag("-f,--foreground", options.foreground, "Stay in the foreground and log to stderr");
  app.add_option("-d,--debug", debug, "Log more: 1 and above log every session's details")
      ->type_name("N")
      ->check(CLI::Range(0, 255));
  app.add_option("-a,--address", options.addresses,
                 "Listen on this address only; may be given several times. Where the\n"
                 "configuration has PortalGroup lines, they say it")
      ->type_name("ADDR")
      ->allow_extra_args(false);
  app.add_option("-p,--port", options.port, "Listen on this port (3260); 0 finds a free one")
      ->type_name("N");
  app.add_option("-u,--uid", options.uid, "Run as this user number once everything is open")
      ->type_name("N");
  app.add_option("-g,--gid", options.gid, "Run as this group number once everything is open")
      ->type_name("N");
  app.add_flag("--check", options.check,
               "Read the configuration, look at every path in it, print what is wrong as\n"
               "FILE:LINE: ..., and serve nothing; exit code 0 or 2");
  app.add_flag("--compat", options.compat,
               "Do with a line that is wrong what IET did with it, and warn of it: take the least\n"
               "value for one out of range, pass over what is misspelt, leave out a Lun that cannot\n"
               "be opened. Without it each of these is an error");
  app.add_option("--state-dir", options.state_dir,
                 "Keep here what must survive a restart: persistent reservations, for initiators\n"
                 "that ask for it (APTPL), how far a SANITIZE is, and what an atomic write is about\n"
                 "to change. Without it initiators are told that reservations are not kept, and are\n"
                 "offered only atomic writes that the medium does at once")
      ->type_name("DIR");
  app.add_option("--control", options.control,
                 "The socket by which holdfastadm reaches it (/run/holdfastd.sock), or none")
      ->type_name("SOCKET");
  app.add_option("--metrics", options.metrics,
                 "Answer GET /metrics here, for Prometheus; a loopback address, and port 0 finds\n"
                 "a free one")
      ->type_name("ADDR:PORT");
  app.add_option("--echo", options.echo,
                 "Send the UDP datagrams of those back here who ask whether this process answers:\n"
                 "`holdfast` with ?echo=PORT; at most 1000 a second of 32 bytes")
      ->type_name("ADDR:PORT");
  app.add_option("--slow", slow_ms,
                 "Remember what is known of commands that take longer than this (1000), for\n"
                 "`holdfastadm slow`; 0: no command is timed")
      ->type_name("MS")
      ->check(CLI::Range(0, 3'600'000));
  app.add_flag("--enable-faults", options.enable_faults,
               "Let `holdfastadm fault` make Luns fail, wait, hang, tear and lose: for tests of what is\n"
               "built on them, and never where data matter");
  const auto poll = [&options](std::uint32_t us) { options.poll = std::chrono::microseconds(us); };
  app.add_option_function<std::uint32_t>(
         "--poll-us", poll,
         "Ask for work so many microseconds before sleeping, while it comes so fast:\n"
         "less latency for a processor of its own (0). Idle, it sleeps all the same")
      ->type_name("N")
      ->check(CLI::Range(0, 1000));
  app.add_option("--threads", options.threads,
                 "Serve connections by so many threads (1); a new one is placed where fewest are")
      ->type_name("N")
      ->check(CLI::Range(1U, Loop::threads_max));
  app.add_option("--ready-fd", options.ready_fd,
                 "Write a line 'ready ADDR:PORT' for each address to this descriptor\n"
                 "when logins are accepted")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  app.footer(
      "Exit codes: 0 ended as asked, 2 the command line or the configuration is wrong,\n"
      "3 it could not start. SIGTERM and SIGINT ask initiators to log out and let commands finish first;\n"
      "a second one does not. SIGHUP reads the configuration again, and changes what has changed in it.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem, std::cout, std::cerr) == 0 ? exit_ok : exit_usage;
  }
  if (debug > 0) options.log_level = LogLevel::debug;
  options.slow_limit = std::chrono::milliseconds(slow_ms);
  // A daemon leaves the folder where it was started.
  std::error_code none_here;
  if (!options.state_dir.empty()) {
    const auto path = std::filesystem::absolute(options.state_dir, none_here);
    if (!none_here) options.state_dir = path.string();
  }
  return options;
}

}  // namespace holdfast::target
