// Commands about the logical unit itself: its mode, its access state, its medium in and out and as
// a whole; and what of it outlives a restart.

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "common/runtime/loop.h"
#include "common/scsi/sanitize_list.h"
#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

constexpr std::string_view record_heading = "holdfast unit 1\n";

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

scsi::ModeParameters LogicalUnit::mode_parameters() const {
  return {.geometry = geometry_,
          .write_cache_enabled = write_cache_enabled_,
          .write_protected = write_protected(),
          .rotation_rate = rotation_rate_,
          .current = mode_,
          .saved = saved_mode_,
          .thresholds = room_ != nullptr};
}

Readiness LogicalUnit::readiness(const Nexus& nexus) const {
  Readiness unit{.job = job_.sense(), .medium_loaded = medium_loaded_};
  for (const scsi::PortGroup& group : port_groups_)
    if (group.tag == nexus.target_portal_group) unit.access = group.state;
  return unit;
}

void LogicalUnit::set_port_groups(std::vector<scsi::PortGroup> groups) {
  port_groups_ = std::move(groups);
  every_port_is_active_ =
      std::all_of(port_groups_.begin(), port_groups_.end(), [](const scsi::PortGroup& group) {
        return group.state <= scsi::AccessState::active_non_optimized;
      });
}

bool LogicalUnit::change_access(std::optional<std::uint16_t> portal_group,
                                scsi::AccessState state) {
  bool found = false;
  bool changed = false;
  std::vector<scsi::PortGroup> groups = port_groups_;
  for (scsi::PortGroup& group : groups) {
    if (portal_group && group.tag != *portal_group) continue;
    found = true;
    if (group.state == state) continue;
    changed = true;
    group.state = state;
    group.status = scsi::AccessStatus::implicitly;
  }
  set_port_groups(std::move(groups));
  if (changed) raise(Condition::access_state_changed);
  return found;
}

scsi::Sense LogicalUnit::polled_sense() const {
  if (const std::optional<scsi::Sense> working = job_.sense()) return *working;
  if (!medium_loaded_)
    return {.key = scsi::SenseKey::not_ready,
            .additional = scsi::additional_sense::medium_not_present};
  return {};
}

void LogicalUnit::raise_for_others(const Command& by, Condition condition) {
  for (const std::unique_ptr<NexusState>& state : nexus_states_)
    if (state != nullptr && state.get() != by.nexus_state_) state->conditions.raise(condition);
}

std::optional<Outcome> LogicalUnit::take_list(Command& command, const scsi::ModeSelect& asked,
                                              std::span<const std::uint8_t> list) {
  const auto selected = scsi::mode_select(asked, list, mode_parameters());
  if (const auto* wrong = std::get_if<scsi::Sense>(&selected)) return check_condition(*wrong);
  const auto& values = std::get<scsi::ModeValues>(selected);
  if (!asked.save) {
    set_mode(command, values);
    return good();
  }
  const std::optional<scsi::ModeValues> saved_before = std::exchange(saved_mode_, values);
  save_record();
  record_->tell_when_saved([this, &command, values, saved_before] {
    if (record_->error() == 0) {
      set_mode(command, values);
      return answer(command, good());
    }
    // What cannot be kept is not granted either.
    saved_mode_ = saved_before;
    answer(command, check_condition({.key = scsi::SenseKey::hardware_error,
                                     .additional = scsi::additional_sense::internal_target_failure}));
  });
  return std::nullopt;
}

void LogicalUnit::set_mode(const Command& by, const scsi::ModeValues& values) {
  if (values != mode_) raise_for_others(by, Condition::mode_parameters_changed);
  mode_ = values;
}

std::optional<Outcome> LogicalUnit::take_list(Command& command,
                                              const scsi::SetTargetPortGroups& asked,
                                              std::span<const std::uint8_t> list) {
  (void)asked;
  auto wanted = scsi::set_port_groups(list, port_groups_);
  if (const auto* wrong = std::get_if<scsi::Sense>(&wanted)) return check_condition(*wrong);
  auto& groups = std::get<std::vector<scsi::PortGroup>>(wanted);
  const bool changes = !std::equal(
      groups.begin(), groups.end(), port_groups_.begin(),
      [](const scsi::PortGroup& one, const scsi::PortGroup& other) { return one.state == other.state; });
  if (changes) raise_for_others(command, Condition::access_state_changed);
  set_port_groups(std::move(groups));
  return good();
}

bool LogicalUnit::removal_prevented() const {
  return std::any_of(nexus_states_.begin(), nexus_states_.end(),
                     [](const std::unique_ptr<NexusState>& state) {
                       return state != nullptr && state->prevents_removal;
                     });
}

void LogicalUnit::load_or_eject(Command& command, const scsi::StartStopUnit& asked) {
  if (removal_prevented())
    return answer(command, check_condition(illegal_request(
                               scsi::additional_sense::medium_removal_prevented)));
  if (asked.start) {
    if (!medium_loaded_) raise_for_others(command, Condition::not_ready_to_ready);
    medium_loaded_ = true;
    return answer(command, good());
  }
  medium_loaded_ = false;
  // What leaves takes along what was acknowledged.
  start_flush(command, asked.immediate);
}

Status LogicalUnit::keep_record(std::unique_ptr<StateFile> file, std::string_view content) {
  const auto damaged = [] {
    return Error{ErrorKind::invalid_input, 0, "its content is not what was written"};
  };
  std::optional<JobPlan> plan;
  scsi::ModeValues saved;
  if (!content.empty()) {
    if (!take(content, record_heading) || !take(content, "mode ")) return damaged();
    if (content.size() < 4 || content[1] != ' ' || content[3] != '\n') return damaged();
    saved = {.descriptor_sense = content[0] == '1', .software_write_protect = content[2] == '1'};
    content.remove_prefix(4);
    if (take(content, "job ")) {
      plan = JobPlan::decode(content.substr(0, content.find('\n')));
      if (!plan) return damaged();
    } else if (!content.empty()) {
      return damaged();
    }
  }
  if (file == nullptr) return {};
  record_ = std::make_unique<RecordKeeper>(std::move(file));
  mode_ = saved;
  saved_mode_ = saved;
  if (plan && !write_protected_) interrupted_job_ = std::move(plan);
  return {};
}

void LogicalUnit::save_record() {
  if (record_ == nullptr) return;
  const scsi::ModeValues saved = saved_mode_.value_or(scsi::ModeValues{});
  std::string content =
      fmt::format("{}mode {} {}\n", record_heading, saved.descriptor_sense ? 1 : 0,
                  saved.software_write_protect ? 1 : 0);
  if (job_.plan()) content += fmt::format("job {}\n", job_.plan()->encode());
  record_->save(std::move(content));
}

/// Of the page about room, which is looked at now.
Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::LogSense& asked) {
  if (unit.room_ != nullptr) {
    Task<int> look = unit.room_->look();
    const int error = co_await look;
    if (error != 0)
      co_return unit.check_condition(
          {.key = scsi::SenseKey::hardware_error,
           .additional = scsi::additional_sense::internal_target_failure});
  }
  const Parameters answer = parameters(asked, unit.description(*command.nexus));
  if (const auto* sense = std::get_if<scsi::Sense>(&answer)) co_return unit.check_condition(*sense);
  const std::span<const std::uint8_t> data = std::get<scsi::ParameterData>(answer).bytes();
  const std::size_t room = std::min<std::size_t>(data.size(), command.transfer_bytes_);
  const std::size_t copied = copy_into(command.vectors, data.first(room));
  co_return good(static_cast<std::uint32_t>(copied));
}

Task<Outcome> LogicalUnit::MultiStep::run_job(LogicalUnit& unit, Command& command, JobPlan plan,
                                              bool immediate) {
  const bool formats = plan.kind == JobPlan::Kind::format;
  unit.job_.start(std::move(plan));
  // Whoever is told that it has begun finds it go on after a restart; where that cannot be said, it goes on
  // all the same, as far as it gets.
  if (unit.record_ != nullptr) co_await unit.record_->saved();
  if (immediate && unit.record_ != nullptr && unit.record_->error() != 0)
    co_return unit.check_condition({.key = scsi::SenseKey::hardware_error,
                                    .additional = scsi::additional_sense::internal_target_failure});
  if (immediate) co_return good();
  Loop& loop = Loop::current();
  constexpr Duration look_again = std::chrono::milliseconds(5);
  while (unit.job_.running() && !given_up(command)) co_await sleep_for(loop, look_again);
  if (unit.job_.last_error() == 0) co_return good();
  const std::optional<scsi::Sense> failed = unit.job_.sense();
  if (failed) co_return unit.check_condition(*failed);
  co_return unit.check_condition({.key = scsi::SenseKey::medium_error,
                                  .additional = formats ? scsi::additional_sense::format_failed
                                                        : scsi::additional_sense::write_error});
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::FormatUnit& format) {
  const std::uint64_t bytes = std::min(command.data_out_bytes, command.transfer_bytes_);
  const std::vector<std::uint8_t> list = gathered(command.vectors, bytes);
  const auto immediate = scsi::read_format_list(format, list);
  if (const auto* wrong = std::get_if<scsi::Sense>(&immediate))
    co_return unit.check_condition(*wrong);
  if (unit.job_.running()) co_return unit.check_condition(*unit.job_.sense());
  JobPlan plan;
  plan.kind = JobPlan::Kind::format;
  const bool at_once = std::get<bool>(immediate);
  Outcome outcome = co_await run_job(unit, command, std::move(plan), at_once);
  co_return outcome;
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::Sanitize& sanitize) {
  using Action = scsi::Sanitize::Action;
  if (sanitize.action == Action::exit_failure_mode) {
    if (unit.job_.exit_failure_mode()) co_return good();
    co_return unit.check_condition(scsi::invalid_field_in_cdb(1, 4));
  }
  if (unit.job_.running()) co_return unit.check_condition(*unit.job_.sense());
  JobPlan plan;
  plan.kind = JobPlan::Kind::block_erase;
  plan.unrestricted_exit = sanitize.allow_unrestricted_exit;
  if (sanitize.action == Action::overwrite) {
    const std::uint64_t bytes = std::min(command.data_out_bytes, command.transfer_bytes_);
    const std::vector<std::uint8_t> list = gathered(command.vectors, bytes);
    const auto read = scsi::read_overwrite(list, unit.geometry_.block_bytes);
    if (const auto* wrong = std::get_if<scsi::Sense>(&read)) co_return unit.check_condition(*wrong);
    const auto& overwrite = std::get<scsi::Overwrite>(read);
    plan.kind = JobPlan::Kind::overwrite;
    plan.passes = overwrite.passes;
    plan.invert = overwrite.invert;
    plan.pattern = overwrite.pattern;
  }
  Outcome outcome = co_await run_job(unit, command, std::move(plan), sanitize.immediate);
  co_return outcome;
}

}  // namespace holdfast::target
