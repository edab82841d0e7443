#include "initiator/cli/load_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/runtime/scope.h"
#include "initiator/cli/verbs.h"
#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

constexpr Duration close_deadline = std::chrono::seconds(2);
constexpr Duration hasty_close_deadline = std::chrono::milliseconds(500);
/// How often a peer that broke the connection is asked whether it is there again.
constexpr Duration ask_again = std::chrono::milliseconds(250);
/// So many faults are told as they are found; the report has more.
constexpr std::uint64_t shown_faults_max = 20;

Task<void> close_one(Device& device, Duration deadline) { co_await device.close(deadline); }

/// What a device says of itself, as far as it says so.
bool says(const Device& device, const char* key, const char* value) {
  const std::map<std::string, std::string> facts = device.negotiated();
  const auto found = facts.find(key);
  return found != facts.end() && found->second == value;
}

/// What is acknowledged may be lost with the server until it is flushed, unless it says otherwise.
bool has_volatile_cache(const Device& device) { return !says(device, "write_cache", "No"); }

}  // namespace

LoadRun::LoadRun(Loop& loop, Signals& signals, LoadRunOptions options)
    : Run(loop, signals, options.run, false), options_(std::move(options)) {
  record_.workload.kind = "load";
  record_.workload.source =
      fmt::format("{} {}", to_string(options_.load.access), bytes_text(options_.load.block_bytes));
  record_.workload.verify = options_.load.verify;
  record_.destination.url = options_.destination.to_string();
}

LoadRun::~LoadRun() = default;

Task<void> LoadRun::work() {
  const bool writing = writes(options_.load.access);
  Status opened = co_await open_sessions(options_.load.sessions, !writing);
  if (opened && !cancelled()) {
    Result<LoadPlan> plan = plan_load(options_.load, *sessions_.front(), new_run_number());
    if (plan)
      plan_ = *plan;
    else
      opened = plan.error();
  }
  if (!opened && !cancelled()) fail_to_start(opened.error());
  if (opened && !cancelled()) co_await load_phase();
  const bool broke = any_lost() || any_came_back();
  co_await close_sessions(record_.totals.wire);
  if (table_ == nullptr || cancelled()) co_return;
  co_await read_back_phase(broke);
  co_await close_sessions(record_.totals.verify_wire);
}

Task<Status> LoadRun::open_sessions(std::uint32_t count, bool read_only) {
  const Reconnect reconnect{options_.run.reconnect, this};
  while (sessions_.size() < count && !cancelled()) {
    Result<std::unique_ptr<Device>> opened =
        co_await options_.destination.open_device(loop_, read_only, options_.run.hang, options_.load.depth, reconnect);
    if (!opened) co_return opened.error();
    sessions_.push_back(std::make_unique<WatchedDevice>(std::move(opened).value(), watch_timer_));
    const Device& device = *sessions_.back();
    record_.destination.transport = device.transport();
    record_.destination.bytes = device.size();
    record_.destination.note(device.negotiated());
    if (!read_only && device.read_only())
      co_return Error{ErrorKind::refused, EROFS, record_.destination.url + " is read-only"};
    if (device.size() != sessions_.front()->size())
      co_return Error{ErrorKind::protocol, EPROTO,
                      record_.destination.url + " has another size in each session"};
  }
  const bool shared = sessions_.size() > 1 && options_.load.verify && !read_only;
  if (shared && says(*sessions_.front(), "multi_conn", "No"))
    co_return Error{ErrorKind::invalid_input, EINVAL,
                    record_.destination.url +
                        " does not say that its connections share one cache (multi-conn), so what one "
                        "session wrote another need not see: --verify takes one session there"};
  co_return Status();
}

Task<void> LoadRun::load_phase() {
  if (options_.load.verify && writes(options_.load.access)) table_ = std::make_unique<GenerationTable>(plan_.blocks);
  progress_.phase = Progress::Phase::loading;
  progress_.until = clock_now() + options_.load.time;
  effort_before_ = Effort::now();
  const std::vector<Device*> sessions = devices();
  load_ = std::make_unique<Load>(loop_, sessions, plan_, table_.get(), progress_, cancelled(),
                                 [this](const BlockFault& fault) { found(fault); });
  co_await load_->run();
  record_.load = figures();
  record_.totals.bytes = record_.load->bytes();
  const Status& status = load_->result().status;
  if (!status) fail(status.error(), last_error());
}

Task<void> LoadRun::read_back_phase(bool broke) {
  const Instant began = clock_now();
  progress_.phase = Progress::Phase::reading_back;
  progress_.entries_done = progress_.bytes_done = 0;  // Until there is a session, nothing is known of what is to come.
  Status opened = co_await open_again(broke);
  if (cancelled()) co_return;
  if (!opened) {
    const bool failed_before = record_.workload.outcome == Outcome::failed;
    const std::string before = failed_before ? record_.workload.reason + "; then, to read it back: " : "";
    fail(Error{opened.error().kind, opened.error().code, before + opened.error().message}, "");
    co_return;
  }
  Device& device = *sessions_.front();
  record_.load->lenient = broke && has_volatile_cache(device);
  read_back_ = std::make_unique<ReadBack>(loop_, device, plan_, *table_, record_.load->lenient, progress_,
                                          cancelled(), [this](const BlockFault& fault) { found(fault); });
  co_await read_back_->run();
  const ReadBackResult& result = read_back_->result();
  record_.totals.verify_time = clock_now() - began;
  record_.totals.verified_bytes = result.bytes;
  record_.load->read_back_blocks = result.blocks;
  record_.load->read_back = result.status.ok() && !cancelled();
  if (!result.status) fail(result.status.error(), last_error());
}

/// A new session. A peer that broke the last one may take as long to come back as an answer may take.
Task<Status> LoadRun::open_again(bool broke) {
  const Instant until = clock_now() + options_.run.hang;
  for (;;) {
    Status opened = co_await open_sessions(1, true);
    const bool over = opened.ok() || !broke || cancelled() || clock_now() >= until;
    if (over) co_return opened;
    co_await sleep_for(loop_, ask_again);
  }
}

Task<void> LoadRun::close_sessions(WireUse& wire) {
  const Duration deadline = cancelled() ? hasty_close_deadline : close_deadline;
  Scope closing;
  for (const auto& session : sessions_) closing.spawn(close_one(*session, deadline));
  co_await closing.join();
  bool drained = true;
  for (auto& session : sessions_) {
    record_.destination.note(session->negotiated());
    wire += session->wire();
    if (session->drained()) continue;
    drained = false;
    static_cast<void>(session.release());
  }
  if (!drained) {
    leave_memory_to_the_kernel();
    static_cast<void>(load_.release());
    static_cast<void>(read_back_.release());
  }
  sessions_.clear();
}

void LoadRun::abandon() {
  for (const auto& session : sessions_) session->abandon();
}

void LoadRun::found(const BlockFault& fault) {
  ++progress_.problems;
  PathEvent event;
  event.kind = EventKind::mismatch;
  event.at = since_start();
  event.has_operation = true;
  event.operation.kind = OperationKind::read;
  event.operation.lba = fault.sector * sector_bytes / plan_.logical_block_bytes;
  event.operation.bytes = plan_.options.block_bytes;
  event.evidence = describe(fault, plan_.logical_block_bytes);
  if (++shown_faults_ <= shown_faults_max) show(event);
  record_.add_mismatch(std::move(event));
}

LoadFigures LoadRun::figures() const {
  const LoadOptions& options = options_.load;
  const LoadResult& result = load_->result();
  LoadFigures figures;
  figures.access = to_string(options.access);
  figures.block_bytes = options.block_bytes;
  figures.depth = options.depth;
  figures.sessions = options.sessions;
  figures.read_percent = options.access == Access::randrw ? options.read_percent : 0;
  figures.range_bytes = plan_.bytes();
  figures.shortened = plan_.shortened;
  figures.seed = options.seed;
  figures.poll = options_.run.poll;
  figures.rate_asked = options.rate;
  figures.time = result.time;
  figures.loop_time = Effort::now().thread - effort_before_.thread;
  const auto direction = [this](const LoadResult::Direction& from, OperationKind kind) {
    LoadFigures::Direction to;
    to.operations = from.operations;
    to.bytes = from.bytes;
    to.latency = LatencySummary::of(watch_.latency(kind));
    to.service = LatencySummary::of(from.service);
    return to;
  };
  figures.reads = direction(result.reads, OperationKind::read);
  figures.writes = direction(result.writes, OperationKind::write);
  figures.waiting_most = result.waiting_most;
  figures.waited_longest = result.waited_longest;
  figures.never_sent = result.never_sent;
  figures.checked_blocks = result.checked_blocks;
  figures.unlabelled_blocks = result.unlabelled_blocks;
  return figures;
}

void LoadRun::note_progress(RunRecord& record) const {
  if (load_ == nullptr) return;
  if (!record.load) {
    record.load = figures();
    record.totals.bytes = record.load->bytes();
    for (const auto& session : sessions_) record.totals.wire += session->wire();
  }
  if (read_back_ == nullptr || record.load->read_back) return;
  record.load->read_back_blocks = read_back_->result().blocks;
  record.totals.verified_bytes = read_back_->result().bytes;
}

std::vector<Device*> LoadRun::devices() const {
  std::vector<Device*> devices;
  for (const auto& session : sessions_) devices.push_back(session.get());
  return devices;
}

bool LoadRun::any_lost() const {
  return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& session) { return session->lost(); });
}

bool LoadRun::any_came_back() const {
  return std::any_of(sessions_.begin(), sessions_.end(),
                     [](const auto& session) { return session->negotiated().contains("reconnects"); });
}

std::string LoadRun::last_error() const {
  for (const auto& session : sessions_)
    if (std::string words = session->last_error(); !words.empty()) return words;
  return "";
}

}  // namespace holdfast::initiator
