#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "initiator/cli/compare_run.h"
#include "initiator/cli/copy_run.h"
#include "initiator/cli/load_run.h"

namespace holdfast::initiator {

// What a verb does once its options are read: it returns the exit code, and prints everything itself.

/// `holdfast copy`.
int copy_verb(CopyRunOptions options);
/// `holdfast compare`.
int compare_verb(const CompareOptions& options);
/// `holdfast load`.
int load_verb(LoadRunOptions options);
/// `holdfast discover`.
int discover_verb(const std::string& url, IscsiEngine engine);

struct DiffOptions {
  std::string before;
  std::string now;
  double tolerance = 0.1;
  std::string json_path;  // empty: none
  bool quiet = false;
};

/// `holdfast diff`: 1 when the second record is worse, 2 when they cannot be compared, 0 otherwise.
int diff_verb(const DiffOptions& options);

struct FaultOptions {
  std::string server;
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> steps;
  std::string script;  // empty: none
  bool live = false;
  bool udp = false;
  std::optional<std::uint64_t> seed;
  std::string json_path;  // empty: none
  std::optional<int> ready_fd;
  bool quiet = false;
};

/// `holdfast fault`: until a signal ends it.
int fault_verb(const FaultOptions& options);

struct ReportOptions {
  std::string record;
  std::string html_path;  // empty: as text on standard output
  std::string target;     // what the target remembers of the run; empty: that is not known
};

/// `holdfast report`: the record as text on standard output, or as a page in a file.
/// 0 whatever the record says, 2 where there is none, or the target's dump is not of that run.
int report_verb(const ReportOptions& options);

/// Makes the run of a verb.
using MakeRun = std::function<std::unique_ptr<Run>(Loop& loop, Signals& signals, const RunOptions& options)>;
/// What becomes of a run that is over; returns the exit code.
using ReportRun = std::function<int(const Run& run, const RunOptions& options)>;
/// Runs it in this process, which may end here, by `options.notice`, if it could not end otherwise.
int run_here(const MakeRun& make, const RunOptions& options, const ReportRun& report);
/// Runs it, prints its report, writes its record, and returns its exit code. `may_stick`: it meets
/// storage in which a call can stick so that the process could not end.
int perform_run(const MakeRun& make, RunOptions options, bool may_stick);

/// "holdfast: …" on standard error; returns `code`.
int complain(const Error& error, int code);

inline constexpr int exit_usage = 2;
inline constexpr int exit_not_started = 3;
inline constexpr int exit_hang = 4;

}  // namespace holdfast::initiator
