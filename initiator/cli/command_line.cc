#include "initiator/cli/command_line.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include "initiator/cli/compare_words.h"
#include "initiator/cli/fault_words.h"
#include "initiator/cli/load_words.h"
#include "initiator/cli/run_words.h"
#include "initiator/cli/this_machine.h"
#include "initiator/cli/verbs.h"
#include "initiator/report/diff.h"

namespace holdfast::initiator {
namespace {

constexpr const char* what_it_is =
    "Drives remote storage the way a heavy `cp -a` does, and says whether the path held still:\n"
    "what stalled, for how long, and what was in flight.";

constexpr const char* examples =
    "Examples:\n"
    "  holdfast discover iscsi://192.0.2.7\n"
    "  holdfast copy /usr/include iscsi://192.0.2.7/iqn.2001-04.com.example:disk1/0 --verify\n"
    "  holdfast copy /usr/include nbd://192.0.2.7/disk1 --verify\n"
    "  holdfast copy /home file:///srv/home.img --json run.json --stall 500ms --hang 30s\n"
    "      (make the image first: truncate -s 20G /srv/home.img)\n"
    "  holdfast compare /usr/include --json compare.json\n"
    "  holdfast load iscsi://192.0.2.7/iqn.2001-04.com.example:disk1/0 --rw randwrite --verify\n"
    "  holdfast fault --to 192.0.2.7:3260 --step 'after 5s stop in for 12s'\n"
    "\n"
    "A copy to a disk makes a new ext4 filesystem: whatever it held before is gone; so it is after a load\n"
    "that writes. A copy to a directory wants it new or empty.\n"
    "\n"
    "Destinations:\n"
    "  iscsi://[user[%password]@]host[:port]/iqn/lun   a disk behind iSCSI; HOLDFAST_PASSWORD may hold\n"
    "                                                  the password instead. After a ?: target_user= (the\n"
    "                                                  target must prove to be it; its password as\n"
    "                                                  target_password= or in HOLDFAST_TARGET_PASSWORD)\n"
    "                                                  and header_digest=crc32c, data_digest=crc32c, joined\n"
    "                                                  by &\n"
    "  nbd://host[:port]/export                        an export of an NBD server; nbds:// with TLS,\n"
    "                                                  nbd+unix:///export?socket=PATH on this machine\n"
    "  nfs://host/export[/path][?version=3|4&…]        a new or empty directory of an NFS server; further\n"
    "                                                  nfsport=, mountport=, uid=, gid=, requests= (in\n"
    "                                                  flight, 64) and transfer= (bytes of one call)\n"
    "  file:///path                                    an image or a block device of this machine\n"
    "  dir:///path                                     any mounted directory, empty: kernel NFS, OCFS2, FUSE, ...\n"
    "\n"
    "Exit codes:\n"
    "  0  steady, everything done          1  done, but it stalled, or files had problems; or it failed\n"
    "  2  usage, or it does not fit        3  could not start or connect\n"
    "  4  hang, or a broken connection     5  what was read back differs\n"
    "  130, 143  interrupted by SIGINT, SIGTERM";

constexpr const char* copy_notes =
    "Everything that `cp -a` keeps is kept, as far as the destination can: what it cannot is in the report.\n"
    "While it runs, progress and every event appear on standard\n"
    "error; the report follows on standard output, its last line the verdict. Ctrl-C ends the copy in\n"
    "order within seconds, a second one at once.\n"
    "\n"
    "Example: holdfast copy /usr/include file:///srv/image --verify --json run.json";

constexpr const char* diff_notes =
    "The records are of two runs, or of two comparisons, whose destinations are matched by their names.\n"
    "A change counts when it is larger than the tolerance and nothing covers it: not the spread of the\n"
    "rounds, not the noise of an A/A row. One hang or mismatch more is always worse.\n"
    "\n"
    "Exit codes: 0 not worse, 1 worse, 2 no such records, or two that cannot be compared.\n"
    "\n"
    "Example: holdfast diff monday.json tuesday.json --tolerance 5%";

struct CopyWords {
  std::string source;
  std::string destination;
  bool verify = false;
  std::uint32_t readers = 0;
  bool locks = false;
  RunOptions run;
};

CLI::App* add_copy(CLI::App& app, CopyWords& words) {
  CLI::App* copy = app.add_subcommand("copy", "A `cp -a` of a directory onto a disk or into a directory, watched");
  copy->add_option("SOURCE", words.source, "The directory to copy")->required();
  copy->add_option("DESTINATION", words.destination,
                   "iscsi://host[:port]/iqn/lun, nbd://host[:port]/export, nfs://host/export, "
                   "file:///path or dir:///path")
      ->required();
  copy->add_flag("--verify", words.verify, "Read everything back in a new session and compare");
  copy->add_option("--readers", words.readers, "So many readers of files that are finished, while the copy runs")
      ->type_name("N")
      ->check(CLI::Range(0u, Readers::readers_most));
  copy->add_flag("--locks", words.locks, "Take and release byte-range locks on finished files meanwhile (nfs, dir)");
  add_run_options(*copy, words.run);
  copy->footer(copy_notes);
  return copy;
}

Status check_source(const std::string& source) {
  struct stat status {};
  if (::stat(source.c_str(), &status) != 0) return Error::from_errno(errno, "copy " + source);
  if (S_ISDIR(status.st_mode)) return {};
  return Error{ErrorKind::invalid_input, ENOTDIR, "copy " + source + ": it is not a directory"};
}

int run_copy(const CopyWords& words) {
  if (const Status source = check_source(words.source); !source) return complain(source.error(), exit_usage);
  if (const Status limits = check_limits(words.run); !limits) return complain(limits.error(), exit_usage);
  Result<Destination> destination = Destination::parse(words.destination, std::getenv("HOLDFAST_PASSWORD"), words.run.engine);
  if (!destination) return complain(destination.error(), exit_usage);
  if (words.run.reconnect > Duration(0) && destination->may_stick() && !destination->is_device())
    return complain(Error{ErrorKind::invalid_input, EINVAL,
                          "--reconnect: " + words.destination +
                              " is a directory of this machine's kernel, which has its connections to itself; iscsi://, "
                              "nbd:// and nfs:// are sought again"},
                    exit_usage);
  if (words.locks && destination->is_device())
    return complain(Error{ErrorKind::invalid_input, EINVAL,
                          "--locks: " + words.destination +
                              " is a block device, which has no locks on files; nfs:// and dir:// have"},
                    exit_usage);
  return copy_verb({.run = words.run,
                    .source = words.source,
                    .destination = std::move(destination).value(),
                    .verify = words.verify,
                    .readers = words.readers,
                    .locks = words.locks});
}

CLI::App* add_diff(CLI::App& app, DiffOptions& options) {
  CLI::App* diff = app.add_subcommand("diff", "Two saved records side by side, with what got worse");
  diff->add_option("A", options.before, "The record before")->required()->type_name("A.json");
  diff->add_option("B", options.now, "The record now")->required()->type_name("B.json");
  diff->add_option("--tolerance", "Changes up to this are none (default 10%)")
      ->type_name("PERCENT")
      ->check([&options](const std::string& text) {
        const Result<double> read = parse_tolerance(text);
        if (!read) return read.error().message;
        options.tolerance = *read;
        return std::string();
      });
  diff->add_option("--json", options.json_path, "Write the differences to this file")->type_name("FILE");
  diff->add_flag("-q,--quiet", options.quiet, "Print nothing but the verdict");
  diff->footer(diff_notes);
  return diff;
}

int run_compare(const CompareWords& words) {
  if (const Status source = check_source(words.source); !source) return complain(source.error(), exit_usage);
  if (const Status limits = check_limits(words.run); !limits) return complain(limits.error(), exit_usage);
  const Result<CompareOptions> options = read_compare_words(words);
  return options ? compare_verb(*options) : complain(options.error(), exit_usage);
}

CLI::App* add_report(CLI::App& app, ReportOptions& options) {
  CLI::App* report = app.add_subcommand("report", "Show a saved run or comparison again, as text or as a page");
  report->add_option("RECORD", options.record, "What --json has written")->required();
  report->add_option("--target", options.target,
                     "What `holdfastadm slow --json` printed at the target after the run, or while it hung: both\n"
                     "ends' view of each stall on one line of time")
      ->type_name("FILE");
  report->add_option("--html", options.html_path, "Write it as one self-contained HTML page to this file")->type_name("FILE");
  report->footer("Examples: holdfast report run.json --html run.html\n"
                 "          holdfast report run.json --target slow.json");
  return report;
}

}  // namespace

int run_command_line(int count, char** words) {
  CLI::App app(what_it_is, "holdfast");
  app.set_version_flag("--version", std::string("holdfast ") + HOLDFAST_VERSION);
  app.require_subcommand(1);
  app.footer(examples);

  CopyWords copy_words;
  const CLI::App* copy = add_copy(app, copy_words);
  CompareWords compare_words;
  CLI::App* compare = add_compare(app, compare_words);
  add_run_options(*compare, compare_words.run);
  LoadWords load_words;
  const CLI::App* load = add_load(app, load_words);
  std::string portal;
  CLI::App* discover = app.add_subcommand("discover", "List a portal's targets, and each one's LUNs");
  discover->add_option("URL", portal, "iscsi://[user[%password]@]host[:port]")->required();
  IscsiEngine engine = engine_default;
  add_engine_option(*discover, engine);
  discover->footer("Example: holdfast discover iscsi://192.0.2.7:3260");

  FaultOptions fault_options;
  const CLI::App* fault = add_fault(app, fault_options);
  DiffOptions diff_options;
  const CLI::App* diff = add_diff(app, diff_options);
  ReportOptions report_options;
  const CLI::App* report = add_report(app, report_options);

  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  if (fault->parsed()) return fault_verb(fault_options);
  if (diff->parsed()) return diff_verb(diff_options);
  if (report->parsed()) return report_verb(report_options);
  copy_words.run.command_line = words_without_passwords(count, words);
  compare_words.run.command_line = load_words.run.command_line = copy_words.run.command_line;
  if (compare->parsed()) return run_compare(compare_words);
  if (load->parsed()) return run_load(load_words);
  return copy->parsed() ? run_copy(copy_words) : discover_verb(portal, engine);
}

}  // namespace holdfast::initiator
