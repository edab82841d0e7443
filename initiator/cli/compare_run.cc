#include "initiator/cli/compare_run.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <utility>

#include "common/base/units.h"
#include "initiator/cli/compare_plan.h"
#include "initiator/cli/this_machine.h"
#include "initiator/cli/verbs.h"
#include "initiator/report/format.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

namespace fs = std::filesystem;
using Place = CompareDestination;

std::string utc_now(const char* form) { return fmt::format(fmt::runtime(form), fmt::gmtime(std::time(nullptr))); }

/// Whether `folder` is `source` or lies below.
bool lies_within(const std::string& folder, const std::string& source) {
  std::error_code error;
  const fs::path inner = fs::canonical(folder, error);
  const fs::path outer = fs::canonical(source, error);
  if (error) return false;
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

/// Empties the page cache, and all that the kernel remembers of directories.
void drop_caches() {
  ::sync();
  const Fd file(::open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC));
  [[maybe_unused]] const ssize_t dropped = ::write(file.get(), "3\n", 2);
}

}  // namespace

Comparison::Comparison(CompareOptions options, Interrupts& interrupts)
    : options_(std::move(options)), interrupts_(interrupts) {
  record_.source = options_.source;
  record_.rounds = options_.rounds;
  record_.order = order_in_words(options_.rounds);
  record_.started = utc_now("{:%Y-%m-%dT%H:%M:%SZ}");
  record_.version = HOLDFAST_VERSION;
  record_.machine = this_machine();
  record_.command_line = options_.run.command_line;
}

Status Comparison::run() {
  Result<Storage> storage = Storage::make(options_.storage);
  if (!storage) return Error{ErrorKind::invalid_input, storage.error().code, storage.error().message};
  storage_.emplace(std::move(storage).value());
  Status measured = measure();
  if (measured) {
    if (options_.local_limit) add_local_limit();
    for (const NamedDestination& destination : options_.destinations) add_named(destination);
    for (const ReferenceServer* server : options_.servers)
      if (!interrupted()) add_server(*server);
    for (std::uint32_t round = 1; round <= options_.rounds && !interrupted(); ++round) perform_round(round);
  }
  record_.signal = interrupts_.signal();
  contenders_.clear();  // The servers end with it,
  storage_.reset();     // and then their storage goes.
  return interrupted() ? Status() : measured;
}

Status Comparison::measure() {
  if (lies_within(storage_->folder(), options_.source))
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("{} lies in the source {}: choose another place by --storage", options_.storage,
                             options_.source)};
  say(fmt::format("looking at {}{}", options_.source, options_.cold ? "" : ", and reading it into memory"));
  const std::uint64_t warm_bytes_max = options_.cold ? 0 : record_.machine.memory_bytes / 2;
  const Result<SourceSize> size =
      measure_source(options_.source, warm_bytes_max, storage_->folder(), interrupts_);
  if (!size) return size.error();
  size_ = *size;
  if (!options_.cold && size_.data_bytes > warm_bytes_max)
    record_.order += "; the source is too large to be kept in memory";
  image_bytes_ = image_bytes_for(size_.space_bytes, size_.nodes);
  const bool stores_here = options_.local_limit || !options_.servers.empty();
  const std::uint64_t needed = size_.space_bytes + size_.nodes * 512 + 64 * MiB;
  if (stores_here && storage_->free_bytes() < needed)
    return Error{ErrorKind::out_of_space, ENOSPC,
                 fmt::format("{} has {} free and a copy needs {}: choose another place by --storage",
                             options_.storage, bytes_text(storage_->free_bytes()), bytes_text(needed))};
  say(fmt::format("{}, {} of data; servers store on {}", count_text(size_.entries, "entry", "entries"),
                  bytes_text(size_.data_bytes), storage_->filesystem()));
  return Status();
}

std::size_t Comparison::add(CompareDestination destination) {
  std::vector<std::string> taken;
  for (const Place& other : record_.destinations) taken.push_back(other.label);
  destination.label = free_label(std::move(destination.label), taken);
  record_.destinations.push_back(std::move(destination));
  return record_.destinations.size() - 1;
}

void Comparison::add_local_limit() {
  Contender contender;
  contender.image = storage_->folder() + "/local";
  contender.runs = std::make_shared<std::uint32_t>(0);
  contender.ready = true;
  Place place;
  place.label = "local";
  place.url = "file://" + contender.image;
  place.transport = "file";
  place.origin = options_.servers_asked ? Place::Origin::asked : Place::Origin::offered;
  place.role = Place::Role::local_limit;
  contender.place = add(std::move(place));
  contenders_.push_back(std::move(contender));
}

void Comparison::add_named(const NamedDestination& destination) {
  Contender contender;
  contender.runs = std::make_shared<std::uint32_t>(0);
  contender.ready = destination.place.ok();
  Place place;
  place.url = destination.text;
  if (contender.ready) {
    contender.named = *destination.place;
    place.url = contender.named->to_string();
  } else {
    place.status = Place::Status::refused;
    place.reason = destination.place.error().message;
    place.code = exit_usage;
    say(place.reason);
  }
  place.label = short_label(place.url);
  contender.place = add(std::move(place));
  contenders_.push_back(std::move(contender));
}

void Comparison::add_server(const ReferenceServer& server) {
  Place place;
  place.label = server.name;
  place.server.name = server.product;
  place.server.package = server.packages;
  place.origin = options_.servers_asked ? Place::Origin::asked : Place::Origin::offered;
  Contender contender;
  start_server(server, place, contender);
  if (interrupted()) return;
  if (!contender.ready) say(fmt::format("{}: {}", place.label, place.reason));
  contender.place = add(std::move(place));
  contenders_.push_back(std::move(contender));
}

void Comparison::start_server(const ReferenceServer& server, CompareDestination& destination,
                              Contender& contender) {
  const auto give_up = [&destination](Place::Status status, const Error& error) {
    destination.status = status;
    destination.reason = error.message;
    destination.code = exit_not_started;
  };
  const Result<std::string> program = find_server_program(server);
  if (!program) return give_up(Place::Status::not_installed, program.error());
  destination.server.version = server_version(server, *program);
  if (server.possible != nullptr) {
    const Status possible = server.possible(*storage_);
    if (!possible) return give_up(Place::Status::unavailable, possible.error());
  }
  say(fmt::format("starting {} {}", server.name, destination.server.version));
  ServerRequest request;
  request.server = &server;
  request.program = *program;
  request.image_bytes = image_bytes_;
  request.runs = 2 * options_.rounds;  // A twin has as many.
  const ServerProbe probe = [this](const std::string& url, Duration time) {
    return probe_url(url, options_.run.engine, time, storage_->folder(), interrupts_);
  };
  Result<std::unique_ptr<RunningServer>> running = RunningServer::start(request, *storage_, interrupts_, probe);
  if (!running) return give_up(Place::Status::failed_to_start, running.error());
  contender.server = std::move(running).value();
  contender.runs = std::make_shared<std::uint32_t>(0);
  contender.ready = true;
  destination.url = contender.server->url(1);
}

/// `first` runs twice in every round, as if it were two.
void Comparison::add_twin(const Contender& first) {
  Contender twin = first;
  Place place = record_.destinations[twin.place];
  place.twin_of = place.label;
  place.label += " again";
  place.role = Place::Role::twin;
  twin.place = add(std::move(place));
  contenders_.push_back(std::move(twin));
}

bool Comparison::may_have_twin(const Contender& contender) const {
  return contender.ran_well && record_.destinations[contender.place].role == Place::Role::contender;
}

void Comparison::perform_round(std::uint32_t round) {
  for (const std::size_t turn : order_of_round(contenders_.size(), round)) {
    if (interrupted()) return;
    if (contenders_[turn].ready) perform(contenders_[turn], round);
  }
  // Which one has a twin is known when it has shown that it works.
  const auto first = std::find_if(contenders_.begin(), contenders_.end(),
                                  [this](const Contender& contender) { return may_have_twin(contender); });
  if (round > 1 || first == contenders_.end() || interrupted()) return;
  add_twin(*first);
  perform(contenders_.back(), round);
}

void Comparison::perform(Contender& contender, std::uint32_t round) {
  const Result<Destination> target = make_ready(contender);
  if (!target) return refuse(contender, round, target.error(), exit_not_started);
  say(fmt::format("round {} of {}, {}: {}", round, options_.rounds, record_.destinations[contender.place].label,
                  target->to_string()));
  const CopyRunOptions copy{.run = options_.run,
                            .source = options_.source,
                            .destination = *target,
                            .verify = options_.verify,
                            .readers = options_.readers,
                            .locks = options_.locks && !target->is_device()};
  if (options_.cold) drop_caches();
  CopyEnd end = copy_in_child(copy, storage_->folder(), interrupts_);
  take(contender, round, std::move(end), *target);
  tidy(contender, *target);
}

/// Makes the place that the next copy goes to, as new as the first one's.
Result<Destination> Comparison::make_ready(Contender& contender) {
  ++*contender.runs;
  ++runs_begun_;
  if (contender.server != nullptr) {
    if (const std::optional<std::string> how = contender.server->ended(); how)
      return Error{ErrorKind::peer_closed, 0, *how};
    if (Status prepared = contender.server->prepare(); !prepared) return prepared.error();
    return Destination::parse(contender.server->url(*contender.runs), nullptr, options_.run.engine);
  }
  if (!contender.image.empty()) {
    if (Status renewed = renew_image(contender.image, image_bytes_); !renewed) return renewed.error();
    return Destination::parse("file://" + contender.image, nullptr, options_.run.engine);
  }
  if (contender.named->is_device()) return *contender.named;
  // A tree of files that somebody else keeps: nothing of it is touched but a folder of our own.
  const std::string name = fmt::format("holdfast-{}-{}-{}", utc_now("{:%Y%m%d%H%M%S}"), ::getpid(), runs_begun_);
  Result<Destination> folder =
      Destination::parse(url_of_folder(contender.named->to_string(), name), nullptr, options_.run.engine);
  if (!folder || folder->path().empty()) return folder;
  const Status made = make_folder_in_child(folder->path(), storage_->folder(), interrupts_);
  if (!made) return made.error();
  return folder;
}

void Comparison::tidy(const Contender& contender, const Destination& target) {
  Status tidied;
  if (contender.server != nullptr)
    tidied = contender.server->tidy(*contender.runs);
  else if (!contender.image.empty())
    tidied = renew_image(contender.image, image_bytes_);
  else if (!target.is_device() && !target.path().empty())
    tidied = remove_folder_in_child(target.path(), storage_->folder(), interrupts_);
  if (!tidied && !interrupted()) say(tidied.error().message);
}

void Comparison::take(Contender& contender, std::uint32_t round, CopyEnd end, const Destination& target) {
  Place& place = record_.destinations[contender.place];
  if (!end.record) {
    if (interrupted()) return;
    if (contender.server != nullptr)
      if (const std::optional<std::string> how = contender.server->ended(); how) end.failure.message += "; " + *how;
    if (end.failure_code != 0) return refuse(contender, round, end.failure, end.failure_code);
    end.record = failed_run(target.to_string(), end.failure.message);
    if (end.hung) {
      end.record->verdict = Verdict::hung;
      end.record->workload.outcome = Outcome::hung;
    }
  }
  if (place.transport.empty()) place.transport = end.record->destination.transport;
  contender.ran_well = end.record->exit_code() == 0;
  say(fmt::format("{}: {}", place.label, verdict_line(*end.record)));
  record_.runs.push_back({.label = place.label,
                          .round = round,
                          .cache = options_.cold ? CacheState::cold : CacheState::warm,
                          .record = *std::move(end.record)});
}

/// It did not start. If it never did, that is told of the destination, and it is not tried again.
void Comparison::refuse(Contender& contender, std::uint32_t round, const Error& error, int code) {
  if (interrupted()) return;
  Place& place = record_.destinations[contender.place];
  say(fmt::format("{}: {}", place.label, error.message));
  const bool ran_before = std::any_of(record_.runs.begin(), record_.runs.end(),
                                      [&place](const CompareRun& run) { return run.label == place.label; });
  if (ran_before) {
    record_.runs.push_back({.label = place.label,
                            .round = round,
                            .cache = options_.cold ? CacheState::cold : CacheState::warm,
                            .record = failed_run(place.url, error.message)});
    return;
  }
  place.status = Place::Status::refused;
  place.reason = error.message;
  place.code = code;
  contender.ready = false;
}

RunRecord Comparison::failed_run(const std::string& url, const std::string& reason) const {
  RunRecord record;
  record.workload.kind = "copy";
  record.workload.source = options_.source;
  record.workload.verify = options_.verify;
  record.workload.started = utc_now("{:%Y-%m-%dT%H:%M:%SZ}");
  record.workload.version = HOLDFAST_VERSION;
  record.workload.stall_limit = options_.run.stall;
  record.workload.hang_limit = options_.run.hang;
  record.workload.outcome = Outcome::failed;
  record.workload.reason = reason;
  record.destination.url = url;
  return record;
}

void Comparison::say(const std::string& text) const {
  if (!options_.run.quiet) std::fprintf(stderr, "holdfast: %s\n", printable_text(text).c_str());
}

}  // namespace holdfast::initiator
