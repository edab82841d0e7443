#include "target/lun/logical_unit.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "common/base/log.h"
#include "common/runtime/loop.h"
#include "common/scsi/lun_address.h"
#include "target/lun/outcome.h"
#include "target/lun/unit_visit.h"

namespace holdfast::target {
namespace {

constexpr std::size_t scsi_id_characters_max = 16;
constexpr std::size_t serial_number_characters_max = 32;
constexpr std::size_t target_name_bytes_max = 223;  // RFC 7143 section 4.2.7.1

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Error invalid(std::string message) {
  return Error{ErrorKind::invalid_input, 0, std::move(message)};
}

Status check(const Store& store, const LogicalUnitOptions& options) {
  const std::uint32_t block = options.block_bytes;
  if (options.number >= scsi::lun_numbers)
    return invalid(fmt::format("LUN {} is beyond {}", options.number, scsi::lun_numbers - 1));
  if (options.target_name.size() > target_name_bytes_max)
    return invalid(fmt::format("a target's name has {} bytes at most", target_name_bytes_max));
  if (block != 512 && block != 1024 && block != 2048 && block != block_bytes_max)
    return invalid(fmt::format("a block of {} bytes: it is 512, 1024, 2048 or 4096", block));
  if (block < store.logical_block_bytes())
    return invalid(fmt::format("{} has blocks of {} bytes, more than {}", store.describe(),
                               store.logical_block_bytes(), block));
  if (store.size() < block)
    return invalid(
        fmt::format("{} is smaller than one block of {} bytes", store.describe(), block));
  if (options.target_ports.size() > scsi::port_groups_max)
    return invalid(fmt::format("a target is reached by {} portal groups at most", scsi::port_groups_max));
  if (options.scsi_id.size() > scsi_id_characters_max || !is_printable(options.scsi_id))
    return invalid(
        fmt::format("ScsiId is {} printable characters at most", scsi_id_characters_max));
  if (options.serial_number.size() > serial_number_characters_max ||
      !is_printable(options.serial_number))
    return invalid(
        fmt::format("ScsiSN is {} printable characters at most", serial_number_characters_max));
  return {};
}

scsi::Geometry geometry_of(const Store& store, const LogicalUnitOptions& options) {
  const std::uint32_t physical =
      options.physical_block_bytes > 0 ? options.physical_block_bytes : store.physical_block_bytes();
  return {.blocks = store.size() / options.block_bytes,
          .block_bytes = options.block_bytes,
          .physical_block_bytes = std::max(physical, options.block_bytes)};
}

scsi::Identity identity_of(const LogicalUnitOptions& options) {
  scsi::Identity identity =
      scsi::make_identity(options.target_name, options.target_portal_group, options.number,
                          options.scsi_id, options.serial_number);
  if (!options.vendor.empty()) identity.vendor = options.vendor;
  if (!options.product.empty()) identity.product = options.product;
  if (!options.revision.empty()) identity.revision = options.revision;
  if (options.wwn) identity.naa = *options.wwn;
  return identity;
}

/// Commands that run although there is something to be told (SPC-4 6.6, 6.33, 6.39).
bool runs_in_any_condition(std::uint8_t operation_code) {
  return operation_code == scsi::opcode::inquiry || operation_code == scsi::opcode::report_luns ||
         operation_code == scsi::opcode::request_sense;
}

}  // namespace

Result<std::unique_ptr<LogicalUnit>> LogicalUnit::create(std::unique_ptr<Store> store,
                                                         LogicalUnitOptions options) {
  if (Status status = check(*store, options); !status) return status.error();
  return std::unique_ptr<LogicalUnit>(new LogicalUnit(std::move(store), options));
}

LogicalUnit::LogicalUnit(std::unique_ptr<Store> store, const LogicalUnitOptions& options)
    : number_(options.number),
      store_(std::move(store)),
      identity_(identity_of(options)),
      geometry_(geometry_of(*store_, options)),
      write_protected_(options.read_only || store_->read_only()),
      write_cache_enabled_(options.write_back && !write_protected_ && store_->has_volatile_cache()),
      thin_(options.thin && store_->can_unmap()),
      removable_(options.removable),
      rotation_rate_(options.rotation_rate),
      transfer_bytes_max_(options.transfer_bytes),
      clearance_notice_(*this),
      reservations_(options.target_name, options.number, options.target_ports),
      journal_(*store_, locks_, buffers_, write_cache_enabled_),
      job_(
          *store_, locks_, buffers_, geometry_.block_bytes, [this] { return journal_.drop(); },
          [this] { save_record(); }),
      background_flush_(*store_, [this](int error) { background_flush_failed(error); }) {
  for (const std::uint16_t tag : options.target_ports) port_groups_.push_back({.tag = tag});
  if (thin_ && !write_protected_ && store_->tells_room())
    room_ = std::make_unique<RoomWatch>(*store_, geometry_, [this] { soft_threshold_reached(); });
}

LogicalUnit::~LogicalUnit() {
  CHECK(visits_.empty());
  for (const std::unique_ptr<NexusState>& state : nexus_states_)
    CHECK(state == nullptr || state->tasks.empty());
}

void LogicalUnit::serve(const LunInventory& inventory) {
  inventory_ = &inventory;
  journal_.recover();
  if (interrupted_job_) job_.start(*std::exchange(interrupted_job_, std::nullopt));
}

AtomicLimits LogicalUnit::atomic_limits() const {
  const std::uint32_t block_bytes = geometry_.block_bytes;
  if (journal_.takes_all())
    return {.compare_blocks = compare_blocks_max, .write_blocks = transfer_bytes_max_ / block_bytes};
  const std::uint32_t at_once = std::max(journal_.bytes_at_once() / block_bytes, 1u);
  return {.compare_blocks = 1, .write_blocks = at_once, .alignment_blocks = at_once};
}

std::unique_ptr<Store> LogicalUnit::dissolve(std::unique_ptr<LogicalUnit> unit) {
  return std::move(unit->store_);
}

UnitDescription LogicalUnit::description(const Nexus& nexus) const {
  return {.identity = identity_,
          .geometry = geometry_,
          .commands = command_set(),
          .mode = mode_parameters(),
          .port_groups = port_groups_,
          .target_port = nexus.target_portal_group,
          .log = {.counters = counters_,
                  .resources = room_ == nullptr ? std::nullopt : std::optional(room_->resources())},
          .transfer_bytes_max = transfer_bytes_max_,
          .atomic = atomic_limits(),
          .rotation_rate = rotation_rate_};
}

NexusState& LogicalUnit::state_of(const Nexus& nexus) {
  if (nexus.index >= nexus_states_.size()) nexus_states_.resize(nexus.index + 1);
  std::unique_ptr<NexusState>& state = nexus_states_[nexus.index];
  if (state == nullptr) {
    state = std::make_unique<NexusState>();
    state->nexus = &nexus;
    state->standing = reservations_.standing_of(name_of(nexus));
    state->conditions.raise(Condition::power_on);
  }
  return *state;
}

void LogicalUnit::forget(const Nexus& nexus) {
  if (nexus.index >= nexus_states_.size() || nexus_states_[nexus.index] == nullptr) return;
  CHECK(nexus_states_[nexus.index]->tasks.empty());
  reservations_.forget(*nexus_states_[nexus.index]);
  nexus_states_[nexus.index].reset();
  copy_results_.forget(nexus.index);
}

void LogicalUnit::raise(Condition condition) {
  for (const std::unique_ptr<NexusState>& state : nexus_states_)
    if (state != nullptr) state->conditions.raise(condition);
}

void LogicalUnit::told(const Nexus& nexus, Condition condition) {
  if (nexus.index < nexus_states_.size() && nexus_states_[nexus.index] != nullptr)
    nexus_states_[nexus.index]->conditions.clear(condition);
}

void LogicalUnit::grow(std::uint64_t bytes) {
  CHECK(bytes >= store_->size());
  store_->set_size(bytes);
  const std::uint64_t blocks = bytes / geometry_.block_bytes;
  if (blocks == geometry_.blocks) return;
  geometry_.blocks = blocks;
  raise(Condition::capacity_changed);
}

Transfer LogicalUnit::begin(Command& command) {
  CHECK(command.state_ == Command::State::idle);
  NexusState& nexus = state_of(*command.nexus);
  command.state_ = Command::State::begun;
  command.abort_wanted_ = false;
  command.unit_ = this;
  command.nexus_state_ = &nexus;
  command.serial_ = ++commands_begun_;
  command.told_.reset();
  command.outcome = Outcome{};
  nexus.tasks.enter(command);

  const std::optional<Condition> condition = nexus.conditions.first();
  const bool is_told = condition && !runs_in_any_condition(command.cdb[0]);
  if (command.attribute > static_cast<std::uint8_t>(TaskAttribute::head_of_queue)) {
    command.meaning_ =
        scsi::Refused{illegal_request(scsi::additional_sense::invalid_message_error)};
  } else if (!(is_told && comes_before_conflicts(*condition)) && conflicts(command)) {
    command.meaning_ = scsi::Refused{{}, scsi::Status::reservation_conflict};
  } else if (is_told) {
    command.meaning_ = scsi::Refused{sense_of(*condition)};
    command.told_ = condition;
    nexus.conditions.clear(*condition);
  } else {
    command.meaning_ = scsi::decode_cdb(command.cdb, command_set(), command.cdb_bytes);
    if (!is_ready() && !std::holds_alternative<scsi::Refused>(command.meaning_))
      if (const std::optional<scsi::Sense> unready = not_ready(readiness(*command.nexus), command.cdb))
        command.meaning_ = scsi::Refused{*unready};
  }
  const Transfer transfer = admit(command);
  command.counted = command.times.timed();
  if (command.counted) {
    command.kind = kind_of(command.meaning_);
    if (command.statistics != statistics_) command.statistics = statistics_;
    statistics_->begun();
  }
  command.transfer_bytes_ = transfer.bytes;
  return transfer;
}

void LogicalUnit::execute(Command& command) {
  if (command.abort_wanted_) return;  // A reset was faster than the session; `done` follows.
  CHECK(command.state_ == Command::State::begun);
  if (command.nexus_state_->tasks.may_start(command))
    start(command);
  else
    command.state_ = Command::State::waiting;
}

void LogicalUnit::answer(Command& command, const Outcome& outcome) {
  command.outcome = outcome;
  command.state_ = Command::State::answering;
  Loop::current().defer(command);
}

void LogicalUnit::finish(Command& command) {
  NexusState& nexus = *command.nexus_state_;
  if (command.abort_wanted_) {
    command.outcome = aborted();
    if (command.told_) nexus.conditions.raise(*command.told_);
  }
  command.state_ = Command::State::idle;
  if (command.range_lock_.entered()) locks_.release(command.range_lock_);
  if (nexus.tasks.leave(command))
    nexus.tasks.start_waiting([this](Command& waiting) { start(waiting); });
  if (!clearances_.empty()) command_left(nexus, command.serial_);
  command.done(command);
}

void LogicalUnit::abort(Command& command) {
  CHECK(command.state_ != Command::State::idle);
  if (std::exchange(command.abort_wanted_, true)) return;
  switch (command.state_) {
    case Command::State::begun:
    case Command::State::waiting:
      return answer(command, aborted());
    case Command::State::executing:
      if (!command.range_lock_.waiting()) {
        // The store still has it; the command ends when it has not.
        Store::give_up(command.step_ != nullptr ? *command.step_ : command.store_request_);
        return;
      }
      locks_.release(command.range_lock_);
      return answer(command, aborted());
    case Command::State::answering:
    case Command::State::idle:
      return;
  }
}

void LogicalUnit::reset(std::function<void()> finished) {
  reservations_.reset();
  mode_ = saved_mode_.value_or(scsi::ModeValues{});
  Clearance clearance{.serial_max = commands_begun_, .finished = std::move(finished)};
  for (const std::unique_ptr<NexusState>& state : nexus_states_) {
    if (state == nullptr) continue;
    state->conditions.raise(Condition::bus_device_reset);
    state->prevents_removal = false;
    clear(*state, clearance);
  }
  clear_visits(nullptr, clearance);
  wait_for(std::move(clearance));
}

void LogicalUnit::abort_task_set(const Nexus& nexus, std::function<void()> finished) {
  NexusState& state = state_of(nexus);
  Clearance clearance{
      .nexus = &state, .serial_max = commands_begun_, .finished = std::move(finished)};
  clear(state, clearance);
  wait_for(std::move(clearance));
}

void LogicalUnit::clear(NexusState& nexus, Clearance& clearance, const Command* except) {
  nexus.tasks.for_each([&](Command& command) {
    if (&command == except) return;
    ++clearance.commands_left;
    abort(command);
  });
}

void LogicalUnit::clear_visits(const NexusState* nexus, Clearance& clearance) {
  clearance.counts_visits = true;
  for (UnitVisit* const visit : visits_) {
    if (nexus != nullptr && &visit->nexus() != nexus) continue;
    ++clearance.commands_left;
    visit->turn_away();
  }
}

void LogicalUnit::wait_for(Clearance clearance) {
  if (clearance.commands_left == 0 && !clearance_notice_.queued())
    Loop::current().defer(clearance_notice_);
  clearances_.push_back(std::move(clearance));
}

void LogicalUnit::drain(std::function<void()> finished) {
  Clearance clearance{.serial_max = commands_begun_, .finished = std::move(finished)};
  for (const std::unique_ptr<NexusState>& state : nexus_states_)
    if (state != nullptr) state->tasks.for_each([&](Command&) { ++clearance.commands_left; });
  clearance.counts_visits = true;
  clearance.commands_left += visits_.size();
  wait_for(std::move(clearance));
}

void LogicalUnit::command_left(const NexusState& nexus, std::uint64_t serial) {
  for (Clearance& clearance : clearances_) {
    if (clearance.nexus != nullptr && clearance.nexus != &nexus) continue;
    if (serial <= clearance.serial_max) one_left(clearance);
  }
}

void LogicalUnit::visit_left(const NexusState& nexus, std::uint64_t serial) {
  for (Clearance& clearance : clearances_) {
    if (!clearance.counts_visits || serial > clearance.serial_max) continue;
    if (clearance.nexus == nullptr || clearance.nexus == &nexus) one_left(clearance);
  }
}

void LogicalUnit::one_left(Clearance& clearance) {
  if (--clearance.commands_left == 0 && !clearance_notice_.queued())
    Loop::current().defer(clearance_notice_);
}

void LogicalUnit::tell_finished_clearances() {
  const auto done =
      std::stable_partition(clearances_.begin(), clearances_.end(),
                            [](const Clearance& clearance) { return clearance.commands_left > 0; });
  std::vector<Clearance> finished(std::make_move_iterator(done),
                                  std::make_move_iterator(clearances_.end()));
  clearances_.erase(done, clearances_.end());
  for (Clearance& clearance : finished) clearance.finished();
}

void LogicalUnit::rest_and_tell(std::function<void()> finished) {
  const auto again = [this, &finished] {
    return [this, told = std::move(finished)] { rest_and_tell(told); };
  };
  journal_.rest();
  if (journal_.recovering()) return journal_.tell_when_idle(again());
  if (job_.running()) return job_.stop_and_tell(again());
  if (record_ != nullptr && record_->saving()) return record_->tell_when_saved(again());
  if (room_ == nullptr) return background_flush_.tell_when_idle(std::move(finished));
  room_->tell_when_idle(
      [this, told = std::move(finished)] { background_flush_.tell_when_idle(told); });
}

void LogicalUnit::flush_and_tell(std::function<void()> finished) {
  rest_and_tell([this, finished = std::move(finished)] {
    if (write_protected_) return finished();
    background_flush_.start_and_tell(finished);
  });
}

void LogicalUnit::soft_threshold_reached() {
  raise(Condition::soft_threshold_reached);
}

void LogicalUnit::background_flush_failed(int error) {
  log(LogLevel::error, "{}: a flush failed: {}", store_->describe(),
      std::generic_category().message(error));
  // Whose writes are lost cannot be told, so everyone is.
  raise(Condition::flush_failed);
}

void Command::run() {
  if (unit_ != nullptr) return unit_->finish(*this);
  if (abort_wanted_) outcome = aborted();
  state_ = State::idle;
  done(*this);
}

}  // namespace holdfast::target
