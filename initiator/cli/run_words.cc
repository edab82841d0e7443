#include "initiator/cli/run_words.h"

#include <fmt/format.h>

#include <cerrno>

#include "common/base/duration.h"

namespace holdfast::initiator {

std::string read_duration(Duration& into, const std::string& text) {
  const Result<Duration> read = parse_duration(text);
  if (!read) return read.error().message;
  into = *read;
  return {};
}

void add_engine_option(CLI::App& verb, IscsiEngine& engine) {
  const auto read = [&engine](const std::string& text) {
    for (const IscsiEngine one : {IscsiEngine::native, IscsiEngine::libiscsi}) {
      engine = one;
      if (text == to_string(one)) return std::string();
    }
    return "'" + text + "' is none of native, libiscsi";
  };
  const std::string words = fmt::format("Who talks iSCSI: native or libiscsi (default {})", to_string(engine_default));
  verb.add_option("--engine", words)
      ->type_name("NAME")
      ->envname("HOLDFAST_ENGINE")
      ->check(read);
}

void add_run_options(CLI::App& verb, RunOptions& run) {
  add_engine_option(verb, run.engine);
  verb.add_option("--json", run.json_path, "Write the run record to this file")->type_name("FILE");
  verb.add_option("--html", run.html_path, "Write the report as one self-contained HTML page to this file")
      ->type_name("FILE");
  const auto stall = [&run](const std::string& text) { return read_duration(run.stall, text); };
  const auto hang = [&run](const std::string& text) { return read_duration(run.hang, text); };
  verb.add_option("--stall", "No progress for this long is a stall (default 1s)")->type_name("TIME")->check(stall);
  verb.add_option("--hang", "No progress for this long is a hang, and ends the run (default 10s)")
      ->type_name("TIME")
      ->check(hang);
  const auto reconnect = [&run](const std::string& text) { return read_duration(run.reconnect, text); };
  verb.add_option("--reconnect",
                  "Seek a connection that broke for so long, and go on (default 0s: the run ends);\n"
                  "iscsi://, nbd:// and nfs://")
      ->type_name("TIME")
      ->check(reconnect);
  verb.add_flag("-q,--quiet", run.quiet, "Print nothing but the verdict");
}

Status check_limits(const RunOptions& run) {
  if (run.hang < run.stall) return Error{ErrorKind::invalid_input, EINVAL, "--hang is shorter than --stall"};
  if (run.reconnect > Duration(0) && run.reconnect >= run.hang)
    return Error{ErrorKind::invalid_input, EINVAL,
                 "--reconnect is not shorter than --hang, which would end the run before: raise --hang"};
  return {};
}

}  // namespace holdfast::initiator
