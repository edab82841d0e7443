#include "initiator/cli/fault_words.h"

#include "initiator/fault/step_text.h"

namespace holdfast::initiator {
namespace {

constexpr const char* notes =
    "\n"
    "Each step is told on standard error when it begins, strikes and ends, with the bytes and messages\n"
    "that had passed; --json FILE writes the same as a record in the end. iSCSI, NBD and RPC (NFS) are\n"
    "recognized by what is said first; of anything else only bytes are known, and steps that name a\n"
    "KIND wait for ever. What the proxy took was acknowledged by its kernel: lost packets look otherwise.\n"
    "\n"
    "Examples:\n"
    "  holdfast fault --to 192.0.2.7:3260 --step 'after 5s stop in for 12s'\n"
    "      then: holdfast copy /home iscsi://127.0.0.1:PORT/iqn.2001-04.com.example:disk1/0\n"
    "  holdfast fault --to 192.0.2.7:3260 --listen 127.0.0.1:3261 --script bad-evening.txt --json done.json\n"
    "  holdfast fault --to 127.0.0.1:10809 --step 'at 100th request cut fin'\n"
    "  holdfast fault --to 192.0.2.7:3260 --step 'at 3rd r2t drop' --step 'every 50th data-in corrupt data-digest'\n"
    "  holdfast fault --to 192.0.2.7:3260 --step 'now delay 20ms jitter 5ms' --step 'after 200MB throttle 1MB/s in'\n"
    "  echo 'now stop for 3s' > steps   where steps is a fifo, and holdfast fault … --live < steps\n"
    "\n"
    "Exit codes: 0 ended by SIGINT or SIGTERM, 2 a step or the command line is wrong, 3 it could not listen.";

}  // namespace

CLI::App* add_fault(CLI::App& app, FaultOptions& options) {
  static const std::string footer = std::string(fault_grammar) + "\n" + notes;
  CLI::App* fault = app.add_subcommand("fault", "A proxy before any server that delays, stops, cuts and corrupts, by a script");
  fault->add_option("--to", options.server, "The server: HOST:PORT")->required()->type_name("HOST:PORT");
  fault->add_option("--listen", options.listen, "Where the initiator finds it (127.0.0.1:0; port 0 finds a free one)")
      ->type_name("ADDR:PORT");
  fault->add_option("--step", options.steps, "A step; may be given several times")->type_name("TEXT")->allow_extra_args(false);
  fault->add_option("--script", options.script, "A file of steps, one a line")->type_name("FILE");
  fault->add_flag("--live", options.live, "Take steps from standard input too, line by line, while it runs");
  fault->add_flag("--udp", options.udp, "Datagrams instead of connections");
  fault->add_option("--seed", options.seed, "Draws the same jitter and losses again (default: others each time)")
      ->type_name("N");
  fault->add_option("--json", options.json_path, "Write what was done, and when, to this file in the end")->type_name("FILE");
  fault->add_option("--ready-fd", options.ready_fd, "Write a line 'ready ADDR:PORT' to this descriptor when it listens")
      ->type_name("N")
      ->check(CLI::Range(0, 1 << 20));
  fault->add_flag("-q,--quiet", options.quiet, "Tell nothing on standard error but mistakes");
  fault->footer(footer);
  return fault;
}

}  // namespace holdfast::initiator
