#include "initiator/cli/run_words.h"

#include <cerrno>

#include "common/base/duration.h"

namespace holdfast::initiator {

std::string read_duration(Duration& into, const std::string& text) {
  const Result<Duration> read = parse_duration(text);
  if (!read) return read.error().message;
  into = *read;
  return {};
}

void add_run_options(CLI::App& verb, RunOptions& run) {
  verb.add_option("--json", run.json_path, "Write the run record to this file")->type_name("FILE");
  verb.add_option("--html", run.html_path, "Write the report as one self-contained HTML page to this file")
      ->type_name("FILE");
  const auto stall = [&run](const std::string& text) { return read_duration(run.stall, text); };
  const auto hang = [&run](const std::string& text) { return read_duration(run.hang, text); };
  verb.add_option("--stall", "No progress for this long is a stall (default 1s)")->type_name("TIME")->check(stall);
  verb.add_option("--hang", "No progress for this long is a hang, and ends the run (default 10s)")
      ->type_name("TIME")
      ->check(hang);
  verb.add_flag("-q,--quiet", run.quiet, "Print nothing but the verdict");
}

Status check_limits(const RunOptions& run) {
  if (run.hang >= run.stall) return {};
  return Error{ErrorKind::invalid_input, EINVAL, "--hang is shorter than --stall"};
}

}  // namespace holdfast::initiator
