// How a logical unit carries out the commands that reserve it, and keeps others out.

#include <algorithm>
#include <memory>
#include <utility>

#include "target/lun/logical_unit.h"
#include "target/lun/outcome.h"
#include "target/lun/vectors.h"

namespace holdfast::target {

NexusName name_of(const Nexus& nexus) {
  return {.port = scsi::initiator_port(nexus.initiator_name, nexus.isid),
          .target_port = nexus.target_portal_group};
}

bool LogicalUnit::conflicts(const Command& command) const {
  if (reservations_.none_stands()) return false;
  const scsi::CdbRow* const row = scsi::find_row(command.cdb);
  return row != nullptr &&
         !reservations_.may_run(row->reservation, command.cdb, *command.nexus_state_);
}

void LogicalUnit::start_reserve(Command& command) {
  const bool reserved = reservations_.reserve(*command.nexus_state_);
  answer(command, reserved ? good() : reservation_conflict());
}

void LogicalUnit::start_release(Command& command) {
  const bool released = reservations_.release(*command.nexus_state_);
  answer(command, released ? good() : reservation_conflict());
}

std::vector<std::uint8_t> LogicalUnit::reservation_data(
    const scsi::PersistentReserveIn& asked) const {
  using Action = scsi::PersistentReserveIn::Action;
  const scsi::PersistentReservations& state = reservations_.persistent();
  switch (asked.action) {
    case Action::read_keys:
      return read_keys(state);
    case Action::read_reservation:
      return read_reservation(state);
    case Action::report_capabilities:
      return report_capabilities(state, reservations_.can_persist());
    case Action::read_full_status:
      return read_full_status(state);
  }
  return {};
}

void LogicalUnit::start_reserve_out(Command& command, const scsi::PersistentReserveOut& asked) {
  // A list that came short is no list.
  if (command.data_out_bytes < asked.parameter_list_bytes)
    return answer(command, check_condition(scsi::parameter_list_length_error()));
  auto parsed =
      parse_reserve_out(asked.action, gathered(command.vectors, asked.parameter_list_bytes));
  if (const auto* sense = std::get_if<scsi::Sense>(&parsed))
    return answer(command, check_condition(*sense));
  ReserveOutJob job;
  job.command = asked;
  job.parameters = std::move(std::get<scsi::ReserveOutParameters>(parsed));
  job.nexus = name_of(*command.nexus);
  job.is_wanted = [&command] { return !command.abort_wanted_; };
  job.dropped = [this, &command] { answer(command, aborted()); };
  job.done = [this, &command](const ReservationVerdict& verdict,
                              const scsi::PersistentReservations& before) {
    reserve_out_is_done(command, verdict, before);
  };
  reservations_.carry_out(std::move(job));
}

void LogicalUnit::reserve_out_is_done(Command& command, const ReservationVerdict& verdict,
                                      const scsi::PersistentReservations& before) {
  if (const auto* sense = std::get_if<scsi::Sense>(&verdict))
    return answer(command, check_condition(*sense));
  const auto* change = std::get_if<ReservationChange>(&verdict);
  if (change == nullptr) return answer(command, reservation_conflict());
  tell_of_change(command, *change, before);
  if (change->aborted.empty()) return answer(command, good());
  abort_preempted(command, *change, before);
}

void LogicalUnit::tell_of_change(const Command& by, const ReservationChange& change,
                                 const scsi::PersistentReservations& before) {
  for (const std::unique_ptr<NexusState>& state : nexus_states_) {
    if (state == nullptr) continue;
    const NexusName name = name_of(*state->nexus);
    const std::optional<std::size_t> place = find_registration(before, name);
    for (const ReservationChange::Notice& notice : change.notices)
      if (place == notice.registration && state.get() != by.nexus_state_)
        state->conditions.raise(notice.condition);
    state->standing = reservations_.standing_of(name);
  }
}

/// PREEMPT AND ABORT is answered when no command of the preempted can touch the medium any more.
void LogicalUnit::abort_preempted(Command& by, const ReservationChange& change,
                                  const scsi::PersistentReservations& before) {
  // One more than there are, for the case that all of them are through at once.
  auto left = std::make_shared<std::size_t>(1);
  const auto one_cleared = [this, &by, left] {
    if (--*left == 0) answer(by, good());
  };
  for (const std::unique_ptr<NexusState>& state : nexus_states_) {
    if (state == nullptr) continue;
    const std::optional<std::size_t> place = find_registration(before, name_of(*state->nexus));
    const bool preempted = place && std::find(change.aborted.begin(), change.aborted.end(),
                                              *place) != change.aborted.end();
    if (!preempted) continue;
    Clearance clearance{
        .nexus = state.get(), .serial_max = commands_begun_, .finished = one_cleared};
    clear(*state, clearance, &by);
    clear_visits(state.get(), clearance);
    if (clearance.commands_left > 0 && state.get() != by.nexus_state_)
      state->conditions.raise(Condition::commands_cleared);
    ++*left;
    wait_for(std::move(clearance));
  }
  one_cleared();
}

}  // namespace holdfast::target
