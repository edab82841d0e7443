#include "target/session/task_management.h"

#include <algorithm>

#include "common/base/serial_number.h"

namespace holdfast::target {

using iscsi::TaskManagementFunction;
using iscsi::TaskManagementResponseCode;

AbortDecision decide_abort(bool abortable, std::uint32_t ref_cmd_sn, std::uint32_t cmd_sn,
                           const CommandWindow& window) {
  if (abortable) return AbortDecision::abort;
  const bool never_came = window.is_awaited(ref_cmd_sn) && serial_precedes(ref_cmd_sn, cmd_sn);
  return never_came ? AbortDecision::never_to_come : AbortDecision::does_not_exist;
}

TaskManagement::TaskManagement(const SessionParts& session, Sender& sender, Owner& owner)
    : target_(session.target),
      nexus_(session.nexus),
      window_(session.window),
      tags_(session.tags),
      sender_(sender),
      owner_(owner) {
  for (Function& function : functions_) function.owner = this;
}

std::optional<iscsi::PduFault> TaskManagement::arrived(
    const iscsi::TaskManagementRequestBhs& header) {
  const auto place = std::find_if(functions_.begin(), functions_.end(), [](const Function& f) {
    return f.stage == Function::Stage::free;
  });
  if (place == functions_.end()) {
    return iscsi::PduFault{iscsi::RejectReason::too_many_immediate_commands,
                           "too many task management functions at once"};
  }
  Function& function = *place;
  function.tag = header.initiator_task_tag;
  function.slot = nullptr;
  switch (header.function()) {
    case TaskManagementFunction::abort_task: abort_task(function, header); break;
    // Each nexus has a task set of its own, so to clear it is to abort it.
    case TaskManagementFunction::abort_task_set:
    case TaskManagementFunction::clear_task_set: abort_task_set(function, header); break;
    case TaskManagementFunction::logical_unit_reset: reset_logical_unit(function, header); break;
    case TaskManagementFunction::target_warm_reset: reset_target(function, false); break;
    case TaskManagementFunction::target_cold_reset: reset_target(function, true); break;
    // At ErrorRecoveryLevel 0 no task outlives its connection.
    case TaskManagementFunction::task_reassign:
      answer(function, TaskManagementResponseCode::reassignment_not_supported);
      break;
    default: answer(function, TaskManagementResponseCode::function_not_supported); break;
  }
  return std::nullopt;
}

void TaskManagement::abort_task(Function& function,
                                const iscsi::TaskManagementRequestBhs& header) {
  Slot* slot = tags_.find(header.referenced_task_tag);
  const bool abortable =
      slot != nullptr && slot->command.lun == header.lun && CommandSet::is_abortable(*slot);
  switch (decide_abort(abortable, header.ref_cmd_sn, header.cmd_sn, window_)) {
    case AbortDecision::abort:
      function.stage = Function::Stage::aborting;
      function.slot = slot;
      slot->abort();
      break;
    case AbortDecision::never_to_come:
      window_.consider_received(header.ref_cmd_sn);
      answer(function, TaskManagementResponseCode::function_complete);
      break;
    case AbortDecision::does_not_exist:
      answer(function, TaskManagementResponseCode::task_does_not_exist);
      break;
  }
}

std::function<void()> TaskManagement::completion_of(Function& function) {
  function.stage = Function::Stage::resetting;
  return [this, place = &function] { answer(*place, TaskManagementResponseCode::function_complete); };
}

void TaskManagement::abort_task_set(Function& function,
                                    const iscsi::TaskManagementRequestBhs& header) {
  if (!target_.abort_task_set(header.lun, nexus_, completion_of(function)))
    answer(function, TaskManagementResponseCode::lun_does_not_exist);
}

void TaskManagement::reset_logical_unit(Function& function,
                                        const iscsi::TaskManagementRequestBhs& header) {
  if (!target_.reset_logical_unit(header.lun, completion_of(function)))
    answer(function, TaskManagementResponseCode::lun_does_not_exist);
}

void TaskManagement::reset_target(Function& function, bool cold) {
  std::function<void()> complete = completion_of(function);
  target_.reset([this, cold, complete = std::move(complete)] {
    complete();
    if (cold && !closed_) owner_.cold_reset_done();
  });
}

void TaskManagement::command_aborted(const Slot& slot) {
  for (Function& function : functions_) {
    if (function.stage == Function::Stage::aborting && function.slot == &slot)
      answer(function, TaskManagementResponseCode::function_complete);
  }
}

void TaskManagement::answer(Function& function, TaskManagementResponseCode response) {
  function.slot = nullptr;
  if (closed_) {
    function.stage = Function::Stage::free;
    owner_.task_management_done();
    return;
  }
  function.stage = Function::Stage::answering;
  function.response = response;
  sender_.queue(function);
}

bool TaskManagement::empty() const {
  return std::all_of(functions_.begin(), functions_.end(), [](const Function& function) {
    return function.stage == Function::Stage::free;
  });
}

Outgoing::Fill TaskManagement::Function::fill(iscsi::Batch& batch, Numbers& numbers) {
  if (!batch.has_room(0)) return Fill::partly;
  iscsi::TaskManagementResponseBhs header;
  header.initiator_task_tag = tag;
  header.response = response;
  batch.add(numbers.stamp(header, StatSn::takes));
  return Fill::wholly;
}

void TaskManagement::Function::released() { stage = Stage::free; }

}  // namespace holdfast::target
