#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "initiator/cli/run_files.h"
#include "initiator/cli/verbs.h"
#include "initiator/report/format.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

int print_report(const Run& run, const RunOptions& options) {
  if (!run.start_failure().ok()) return complain(run.start_failure().error(), run.start_failure_code());
  const RunRecord& record = run.record();
  const int code = record.exit_code();
  const std::string text = options.quiet ? verdict_line(record) + "\n" : to_text(record);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  const Status written = write_files(record, options);
  if (!written) return complain(written.error(), code == 0 ? 1 : code);
  return code;
}

}  // namespace

int complain(const Error& error, int code) {
  std::fprintf(stderr, "holdfast: %s\n", printable_text(error.message).c_str());
  return code;
}

int run_here(const MakeRun& make, const RunOptions& options, const ReportRun& report) {
  Result<Signals> signals = Signals::open({SIGINT, SIGTERM});
  if (!signals) return complain(signals.error(), exit_not_started);
  Result<std::unique_ptr<Loop>> loop = Loop::create({.poll = options.poll});
  if (!loop) return complain(loop.error(), exit_not_started);

  const std::unique_ptr<Run> run = make(**loop, *signals, options);
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

int perform_run(const MakeRun& make, RunOptions options, bool may_stick) {
  if (const Status writable = check_files(options); !writable) return complain(writable.error(), exit_usage);
  if (!may_stick) return run_here(make, options, print_report);
  return run_apart([&make, &options](ExitNotice notice) {
    options.notice = notice;
    return run_here(make, options, print_report);
  });
}

}  // namespace holdfast::initiator
