#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "initiator/cli/verbs.h"
#include "initiator/report/format.h"
#include "initiator/report/run_json.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

int report(const CopyRun& run, const CopyRunOptions& options) {
  if (!run.start_failure().ok()) return complain(run.start_failure().error(), run.start_failure_code());
  const RunRecord& record = run.record();
  int code = record.exit_code();
  const std::string text = options.quiet ? verdict_line(record) + "\n" : to_text(record);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (options.json_path.empty()) return code;
  const Status written = write_record(record, options.json_path);
  if (!written) return complain(written.error(), code == 0 ? 1 : code);
  return code;
}

}  // namespace

int complain(const Error& error, int code) {
  std::fprintf(stderr, "holdfast: %s\n", printable_text(error.message).c_str());
  return code;
}

namespace {

int copy_here(const CopyRunOptions& options) {
  Result<Signals> signals = Signals::open({SIGINT, SIGTERM});
  if (!signals) return complain(signals.error(), exit_not_started);
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!loop) return complain(loop.error(), exit_not_started);

  auto run = std::make_unique<CopyRun>(**loop, *signals, options);
  (*loop)->run(run->run());
  run->stop_guarding();
  const int code = report(*run, options);
  if (run->must_not_unwind()) {
    // What the kernel still uses must not be freed, and its completions can no longer be waited for.
    options.notice.send(code);
    ::_exit(code);
  }
  return code;
}

}  // namespace

int copy_verb(CopyRunOptions options) {
  if (!options.json_path.empty()) {
    const Status writable = check_record_path(options.json_path);
    if (!writable) return complain(writable.error(), exit_usage);
  }
  // Sockets never keep a process from ending; disks may.
  if (options.destination.path().empty()) return copy_here(options);
  return run_apart([&options](ExitNotice notice) {
    options.notice = notice;
    return copy_here(options);
  });
}

}  // namespace holdfast::initiator
