#include "initiator/cli/compare_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "common/base/units.h"
#include "initiator/cli/apart.h"
#include "initiator/cli/verbs.h"
#include "initiator/report/format.h"
#include "initiator/report/run_json.h"
#include "initiator/workload/estimate.h"

namespace holdfast::initiator {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uintmax_t answer_bytes_max = 256 * MiB;
/// What a step may take beyond the time that it gives itself.
constexpr Duration grace = std::chrono::seconds(3);
constexpr Duration folder_limit = std::chrono::minutes(10);

/// The child keeps nothing of ours open: neither the pipes by whose end the servers' keepers know that
/// we have ended, nor our standard output.
void let_go(const ExitNotice& notice, const Interrupts& interrupts) {
  interrupts.restore();
  const int nowhere = ::open("/dev/null", O_WRONLY);
  ::dup2(nowhere, STDOUT_FILENO);
  const int kept = notice.descriptor();
  if (kept > 3) ::close_range(3, static_cast<unsigned>(kept) - 1, 0);
  ::close_range(static_cast<unsigned>(kept) + 1, ~0U, 0);
}

std::optional<std::string> read_answer(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error || bytes > answer_bytes_max) return std::nullopt;
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  fs::remove(path, error);
  return text.str();
}

json failure_json(const Error& error, int code) {
  return {{"kind", static_cast<int>(error.kind)}, {"errno", error.code}, {"words", valid_utf8(error.message)}, {"code", code}};
}

Error failure_from(const json& answer) {
  return Error{static_cast<ErrorKind>(answer.value("kind", 0)), answer.value("errno", 0), answer.value("words", "")};
}

std::string how_it_ended(const ApartEnd& end) {
  if (end.over_time) return "it did not come back and was killed";
  if (end.signal != 0) return fmt::format("its process ended by signal {}", end.signal);
  return fmt::format("its process ended with exit code {} and left no word", end.code);
}

/// Runs `step` apart; the JSON that it returns is the answer. The error says how a step without an
/// answer ended.
Result<json> ask_child(const std::function<json()>& step, Duration limit, const std::string& folder,
                       Interrupts& interrupts) {
  const std::string path = folder + "/answer";
  const ApartEnd end = run_apart_and_tell(
      [&](ExitNotice notice) {
        let_go(notice, interrupts);
        const std::string answer = step().dump();
        std::ofstream(path, std::ios::binary) << answer;
        notice.send(0);
        return 0;
      },
      limit);
  if (end.asked != 0) interrupts.note(end.asked);
  const std::optional<std::string> text = read_answer(path);
  if (interrupts.signal() != 0) return Error{ErrorKind::cancelled, ECANCELED, "interrupted"};
  json answer = text ? json::parse(*text, nullptr, false) : json();
  if (!answer.is_object()) return Error{ErrorKind::system, 0, how_it_ended(end)};
  return answer;
}

Status status_of(const Result<json>& answer) {
  if (!answer) return answer.error();
  if (answer->contains("words")) return failure_from(*answer);
  return Status();
}

/// Runs a conversation on a loop of its own.
json run_on_loop(const std::function<Task<void>(Loop& loop, json& answer)>& conversation) {
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!loop) return failure_json(loop.error(), exit_not_started);
  json answer = json::object();
  (*loop)->run(conversation(**loop, answer));
  return answer;
}

/// Reads every regular file below, so that it is in the page cache; errors are for the copies to tell.
void read_everything(const std::string& source) {
  std::vector<char> piece(1 * MiB);
  std::error_code error;
  fs::recursive_directory_iterator entry(source, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (!fs::is_regular_file(entry->symlink_status(ignored))) continue;
    const Fd file(::open(entry->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) continue;
    while (::read(file.get(), piece.data(), piece.size()) > 0) {
    }
  }
}

Task<void> estimate_into(Loop&, SourceOptions source, json& answer) {
  const std::atomic<bool> never = false;
  Result<SourceEstimate> estimate = co_await estimate_source(source, never);
  if (!estimate) {
    answer = failure_json(estimate.error(), exit_usage);
    co_return;
  }
  answer["nodes"] = estimate->nodes();
  answer["entries"] = estimate->entries();
  answer["data_bytes"] = estimate->data_bytes;
  answer["space_bytes"] = estimate->space_bytes;
}

Task<void> probe_device(Loop& loop, const Destination& destination, Duration time, json& answer) {
  Result<std::unique_ptr<Device>> device = co_await destination.open_device(loop, true, time);
  if (!device) {
    answer = failure_json(device.error(), exit_not_started);
    co_return;
  }
  co_await (*device)->close(time);
}

Task<void> probe_tree(Loop& loop, const Destination& destination, Duration time, json& answer) {
  Result<std::unique_ptr<Tree>> tree = co_await destination.open_tree(loop, true, time);
  if (!tree) {
    answer = failure_json(tree.error(), exit_not_started);
    co_return;
  }
  Status closed = co_await (*tree)->close();
  if (!closed) answer = failure_json(closed.error(), exit_not_started);
}

/// What a copy in a child leaves instead of a report: its record, or why it did not start.
int leave_record(const Run& run, const RunOptions& options, const std::string& failure_path) {
  if (!run.start_failure().ok()) {
    std::ofstream(failure_path, std::ios::binary)
        << failure_json(run.start_failure().error(), run.start_failure_code()).dump();
    return run.start_failure_code();
  }
  const Status written = write_record(run.record(), options.json_path);
  return written ? run.record().exit_code() : complain(written.error(), 1);
}

}  // namespace

Result<SourceSize> measure_source(const std::string& source, std::uint64_t warm_bytes_max,
                                  const std::string& folder, Interrupts& interrupts) {
  const auto step = [&] {
    SourceOptions options;
    options.path = source;
    json answer = run_on_loop([&options](Loop& loop, json& into) { return estimate_into(loop, options, into); });
    if (answer.value("data_bytes", std::uint64_t{0}) <= warm_bytes_max) read_everything(source);
    return answer;
  };
  const Result<json> answer = ask_child(step, std::chrono::hours(24), folder, interrupts);
  if (const Status status = status_of(answer); !status) return status.error();
  return SourceSize{.nodes = answer->value("nodes", std::uint64_t{0}),
                    .entries = answer->value("entries", std::uint64_t{0}),
                    .data_bytes = answer->value("data_bytes", std::uint64_t{0}),
                    .space_bytes = answer->value("space_bytes", std::uint64_t{0})};
}

Status probe_url(const std::string& url, IscsiEngine engine, Duration time, const std::string& folder,
                 Interrupts& interrupts) {
  const Result<Destination> destination = Destination::parse(url, nullptr, engine);
  if (!destination) return destination.error();
  const auto step = [&] {
    return run_on_loop([&](Loop& loop, json& answer) {
      return destination->is_device() ? probe_device(loop, *destination, time, answer)
                                      : probe_tree(loop, *destination, time, answer);
    });
  };
  return status_of(ask_child(step, 2 * time + grace, folder, interrupts));
}

CopyEnd copy_in_child(const CopyRunOptions& options, const std::string& folder, Interrupts& interrupts) {
  CopyRunOptions copy = options;
  copy.run.json_path = folder + "/record.json";
  copy.run.html_path.clear();
  const std::string failure_path = folder + "/failure.json";
  const MakeRun make = [&copy](Loop& loop, Signals& signals, const RunOptions& run) {
    copy.run = run;
    return std::make_unique<CopyRun>(loop, signals, copy);
  };
  const ReportRun report = [&failure_path](const Run& run, const RunOptions& run_options) {
    return leave_record(run, run_options, failure_path);
  };
  const ApartEnd end = run_apart_and_tell([&](ExitNotice notice) {
    let_go(notice, interrupts);
    RunOptions run = copy.run;
    run.notice = notice;
    return run_here(make, run, report);
  });
  if (end.asked != 0) interrupts.note(end.asked);
  const std::optional<std::string> record_text = read_answer(copy.run.json_path);
  const std::optional<std::string> failure_text = read_answer(failure_path);

  CopyEnd copied;
  if (failure_text) {
    const json failure = json::parse(*failure_text, nullptr, false);
    if (failure.is_object()) {
      copied.failure = failure_from(failure);
      copied.failure_code = failure.value("code", exit_not_started);
      return copied;
    }
  }
  copied.failure = Error{ErrorKind::system, 0, how_it_ended(end)};
  copied.hung = end.code == exit_hang;
  if (!record_text) return copied;
  Result<RunRecord> record = record_from_json(*record_text);
  if (record)
    copied.record = std::move(record).value();
  else
    copied.failure = record.error();
  return copied;
}

Status make_folder_in_child(const std::string& path, const std::string& folder, Interrupts& interrupts) {
  const auto step = [&path] {
    if (::mkdir(path.c_str(), 0700) == 0) return json::object();
    return failure_json(Error::from_errno(errno, "make the folder " + path), exit_not_started);
  };
  return status_of(ask_child(step, grace, folder, interrupts));
}

Status remove_folder_in_child(const std::string& path, const std::string& folder, Interrupts& interrupts) {
  const auto step = [&path] {
    std::error_code error;
    fs::remove_all(path, error);
    if (!error) return json::object();
    return failure_json(Error::from_errno(error.value(), "remove the folder " + path), exit_not_started);
  };
  return status_of(ask_child(step, folder_limit, folder, interrupts));
}

}  // namespace holdfast::initiator
