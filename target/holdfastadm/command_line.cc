#include "target/holdfastadm/command_line.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "target/admin/control_wire.h"

namespace holdfast::target {
namespace {

const char* const description =
    "Changes and shows what a running holdfastd serves. It takes ietadm's options and prints ietadm's\n"
    "lines. Nothing of it is written to the configuration: `save` does that.\n"
    "\n"
    "Targets and Luns\n"
    "  holdfastadm --op new --tid 0 --params Name=iqn.2026-11.example:disk      tid 0: the next free one\n"
    "  holdfastadm --op new --tid 1 --lun 0 --params Path=/srv/disk.img,IOMode=wb\n"
    "  holdfastadm --op update --tid 1 --params NOPInterval=10,QueuedCommands=64\n"
    "  holdfastadm --op update --tid 1 --redirect 192.0.2.7:3260\n"
    "  holdfastadm --op update --tid 1 --lun 0 --params AccessState=standby[,PortalGroup=2]     ALUA\n"
    "  holdfastadm --op delete --tid 1 --lun 0         waits until commands that it has are finished\n"
    "  holdfastadm --op delete --tid 1 [--force]       with --force also while it has sessions\n"
    "  holdfastadm --op delete                         every target\n"
    "Users: of a target, or without --tid of discovery\n"
    "  holdfastadm --op new --user --tid 1 --params IncomingUser=joe,Password=SECRET\n"
    "  holdfastadm --op delete --user --tid 1 --params IncomingUser=joe\n"
    "  holdfastadm --op show --user --tid 1\n"
    "Sessions\n"
    "  holdfastadm --op show --tid 1 --sid N           N from `holdfastadm session`; 0: what logins are offered\n"
    "  holdfastadm --op delete --tid 1 --sid N [--cid N]\n"
    "What there is\n"
    "  holdfastadm --op show [--tid 1 [--lun 0]]\n"
    "  holdfastadm volume                              the text of IET's /proc/net/iet/volume\n"
    "  holdfastadm session                             the text of IET's /proc/net/iet/session\n"
    "How it goes\n"
    "  holdfastadm stats                               commands, bytes and times, Lun by Lun; by --json all of it\n"
    "  holdfastadm slow [--limit MS]                   commands that took longer than the limit, and those that are\n"
    "                                                  stuck, with the stage in which they are; by --json also the\n"
    "                                                  connections, for `holdfast report RUN.json --target FILE`.\n"
    "                                                  --limit changes the limit (0: commands are not timed)\n"
    "The configuration\n"
    "  holdfastadm reload                              reads it again; only what changed in it changes\n"
    "  holdfastadm resize [--tid 1 [--lun 0]]          lets Luns grow whose files or devices have grown\n"
    "  holdfastadm save [FILE]                         writes what is served now as an ietd.conf: to FILE, to\n"
    "                                                  stdout for -, or to the one that the daemon reads\n"
    "Faults, of a holdfastd that was started with --enable-faults: of one Lun, a target's, or all\n"
    "  holdfastadm fault add RULE [--tid 1 [--lun 0]]  RULE in one word:\n"
    "      'hang write'                     until it is aborted or cleared, or the Lun is closed\n"
    "      'stick write'                    the same, and no abort is heeded\n"
    "      'delay 200ms jitter 50ms read for 10s'\n"
    "      'fail EIO lba 100..199'          or ENOSPC, EROFS, ETIMEDOUT\n"
    "      'tear write nth 3 times 1'       half of it is written, and GOOD answered\n"
    "      'lose write share 1% seed 7'     nothing of it is written, and GOOD answered\n"
    "  holdfastadm fault list                          each rule, how often it struck, what hangs by it\n"
    "  holdfastadm fault clear [N] [--tid 1 [--lun 0]] rule N, or all; what hangs goes on";

const char* const footer =
    "Exit codes: 0 done, else as ietadm's: 256 less the errno (234: a wrong argument, 254: no such target,\n"
    "239: it exists already, 240: it is in use, 145 or 254 without a daemon). Why is said on stderr.";

struct Words {
  std::string op, verb, file, text, params;
  std::optional<std::string> redirect;
  std::optional<std::uint32_t> tid, lun;
  std::optional<std::uint64_t> sid;
  std::optional<std::uint16_t> cid;
  std::optional<std::uint32_t> limit_ms;
  bool user = false, force = false;
};

int wrong(const std::string& why) {
  std::cerr << "Invalid argument.\nholdfastadm: " << why << "; --help has examples\n";
  return exit_code_of(EINVAL);
}

nlohmann::json request_of(const Words& words) {
  nlohmann::json request{{"op", words.verb.empty() ? words.op : words.verb}};
  if (words.tid) request["tid"] = *words.tid;
  if (words.sid) request["sid"] = *words.sid;
  if (words.cid) request["cid"] = *words.cid;
  if (words.lun) request["lun"] = *words.lun;
  if (!words.params.empty()) request["params"] = words.params;
  if (words.redirect) request["redirect"] = *words.redirect;
  if (words.limit_ms) request["limit_ms"] = *words.limit_ms;
  if (words.user) request["user"] = true;
  if (words.force) request["force"] = true;
  return request;
}

}  // namespace

std::variant<CommandLine, int> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  line.control = default_control_socket;
  Words words;
  CLI::App app{description, "holdfastadm"};
  app.set_version_flag("-v,--version", "holdfastadm " HOLDFAST_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.add_option("verb", words.verb, "volume, session, stats, slow, save, reload, resize or fault, instead of --op")
      ->check(CLI::IsMember({"volume", "session", "stats", "slow", "save", "reload", "resize", "fault"}));
  app.add_option("file", words.file, "Where `save` writes to; of `fault` list, add or clear");
  app.add_option("text", words.text, "What `fault` adds or clears");
  app.add_option("-o,--op", words.op, "What to do")->check(CLI::IsMember({"new", "delete", "update", "show"}));
  app.add_option("-t,--tid", words.tid, "The target's number")->type_name("N");
  app.add_option("-s,--sid", words.sid, "The session's number")->type_name("N");
  app.add_option("-c,--cid", words.cid, "The connection's number in its session")->type_name("N");
  app.add_option("-l,--lun", words.lun, "The Lun's number in its target")->type_name("N");
  app.add_option("-p,--params", words.params, "Key=value,Key=value")->type_name("P")->allow_extra_args(false);
  app.add_option("-r,--redirect", words.redirect, "With update: where logins are sent instead; '' ends it")
      ->type_name("ADDR[:PORT]");
  app.add_option("--limit", words.limit_ms, "With slow: from here on longer is slow")
      ->type_name("MS")
      ->check(CLI::Range(0, 3'600'000));
  app.add_flag("-u,--user", words.user, "It is about users");
  app.add_flag("--force", words.force, "Delete a target although it has sessions");
  app.add_flag("--json", line.json, "Print the answer as JSON");
  app.add_option("--control", line.control, "The daemon's control socket (/run/holdfastd.sock)")->type_name("SOCKET");
  app.footer(footer);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& asked) {
    return app.exit(asked, std::cout, std::cerr);
  } catch (const CLI::CallForVersion& asked) {
    return app.exit(asked, std::cout, std::cerr);
  } catch (const CLI::ParseError& problem) {
    return wrong(problem.what());
  }
  if (words.op.empty() == words.verb.empty()) return wrong("either --op or one of its own verbs is needed");
  if (words.verb == "fault") {
    if (words.lun && !words.tid) return wrong("--lun needs --tid");
    words.params = std::exchange(words.file, "");
    if (words.params.empty()) words.params = "list";
    if (!words.text.empty()) words.params += " " + std::exchange(words.text, "");
  }
  if (!words.file.empty() && words.verb != "save") return wrong("only save takes a file");
  if (words.limit_ms && words.verb != "slow") return wrong("--limit is for slow");
  if (!words.text.empty()) return wrong("'" + words.text + "' is one word too many");
  line.save = words.verb == "save";
  line.save_file = words.file;
  line.request = request_of(words);
  if (words.verb == "slow" && line.json) line.request["connections"] = true;
  return line;
}

}  // namespace holdfast::target
