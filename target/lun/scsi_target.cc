#include "target/lun/scsi_target.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"
#include "common/scsi/lun_address.h"
#include "target/lun/no_unit.h"
#include "target/lun/outcome.h"
#include "target/lun/vectors.h"

namespace holdfast::target {

struct ScsiTarget::State {
  explicit State(std::string name) : iqn(std::move(name)) {}

  const std::string iqn;
  std::vector<std::unique_ptr<LogicalUnit>> units;  // by number
  std::vector<std::unique_ptr<LogicalUnit>> retired;
  LunInventory inventory;
};

ScsiTarget::ScsiTarget(std::string iqn) : state_(std::make_unique<State>(std::move(iqn))) {
}
ScsiTarget::~ScsiTarget() = default;

const std::string& ScsiTarget::iqn() const {
  return state_->iqn;
}

void ScsiTarget::add(std::unique_ptr<LogicalUnit> unit) {
  const std::uint32_t number = unit->number();
  CHECK(find(number) == nullptr);
  state_->inventory.add(number);
  unit->target_ = this;
  unit->serve(state_->inventory);
  if (number >= state_->units.size()) state_->units.resize(number + 1);
  state_->units[number] = std::move(unit);
}

LogicalUnit& ScsiTarget::retire(std::uint32_t number) {
  CHECK(find(number) != nullptr);
  state_->inventory.remove(number);
  state_->retired.push_back(std::move(state_->units[number]));
  return *state_->retired.back();
}

std::unique_ptr<LogicalUnit> ScsiTarget::release(LogicalUnit& retired) {
  const auto found = std::find_if(state_->retired.begin(), state_->retired.end(),
                                  [&](const std::unique_ptr<LogicalUnit>& unit) { return unit.get() == &retired; });
  CHECK(found != state_->retired.end());
  std::unique_ptr<LogicalUnit> released = std::move(*found);
  state_->retired.erase(found);
  return released;
}

void ScsiTarget::luns_changed() {
  for (const std::unique_ptr<LogicalUnit>& unit : state_->units)
    if (unit != nullptr) unit->raise(Condition::luns_changed);
}

LogicalUnit* ScsiTarget::find(std::uint32_t number) {
  return number < state_->units.size() ? state_->units[number].get() : nullptr;
}

LogicalUnit* ScsiTarget::find(const scsi::CopyTarget& named) {
  LogicalUnit* found = nullptr;
  for (const std::unique_ptr<LogicalUnit>& unit : state_->units) {
    if (unit == nullptr || !names(named, unit->identity())) continue;
    if (found != nullptr) return nullptr;  // Who is meant is not to be guessed.
    found = unit.get();
  }
  return found;
}

LogicalUnit* ScsiTarget::find(const scsi::LunAddress& lun) {
  const std::optional<std::uint32_t> number = scsi::decode_lun(lun);
  return number ? find(*number) : nullptr;
}

void ScsiTarget::nexus_joined(Nexus& nexus) {
  // A unit makes its state for a nexus at first contact, with the power on condition in it. What an
  // earlier nexus of this index left would hide that.
  nexus_left(nexus);
}

void ScsiTarget::nexus_left(Nexus& nexus) {
  for (const std::unique_ptr<LogicalUnit>& unit : state_->units)
    if (unit != nullptr) unit->forget(nexus);
  for (const std::unique_ptr<LogicalUnit>& unit : state_->retired) unit->forget(nexus);
}

Transfer ScsiTarget::begin(Command& command) {
  if (command.cdb[0] == scsi::opcode::report_luns) {
    // Who asks gets to know what was to be told (SPC-4 6.33).
    for (const std::unique_ptr<LogicalUnit>& unit : state_->units)
      if (unit != nullptr) unit->told(*command.nexus, Condition::luns_changed);
  }
  if (LogicalUnit* unit = find(command.lun)) return unit->begin(command);
  CHECK(command.state_ == Command::State::idle);
  command.state_ = Command::State::begun;
  command.abort_wanted_ = false;
  command.unit_ = nullptr;
  command.counted = false;
  command.outcome = Outcome{};
  command.meaning_ = scsi::decode_cdb(command.cdb);
  scsi::ParameterData memory;
  const NoUnitAnswer answer = answer_without_unit(command.meaning_, state_->inventory, memory);
  const auto* data = std::get_if<std::span<const std::uint8_t>>(&answer);
  if (data == nullptr) return Transfer{};
  return Transfer{Transfer::Direction::in, static_cast<std::uint32_t>(data->size())};
}

void ScsiTarget::execute(Command& command) {
  if (command.unit_ != nullptr) return command.unit_->execute(command);
  if (command.abort_wanted_) return;
  CHECK(command.state_ == Command::State::begun);
  scsi::ParameterData memory;
  const NoUnitAnswer answer = answer_without_unit(command.meaning_, state_->inventory, memory);
  if (const auto* data = std::get_if<std::span<const std::uint8_t>>(&answer))
    command.outcome = good(static_cast<std::uint32_t>(copy_into(command.vectors, *data)));
  else
    command.outcome = check_condition(std::get<scsi::Sense>(answer));
  command.state_ = Command::State::answering;
  Loop::current().defer(command);
}

void ScsiTarget::abort(Command& command) {
  if (command.unit_ != nullptr) return command.unit_->abort(command);
  CHECK(command.state_ != Command::State::idle);
  command.abort_wanted_ = true;
  if (command.state_ == Command::State::answering) return;
  command.state_ = Command::State::answering;
  Loop::current().defer(command);
}

void ScsiTarget::ends_with_connection(Command& command) {
  if (command.nexus_state_ != nullptr) command.nexus_state_->conditions.raise(Condition::commands_ended);
}

bool ScsiTarget::reset_logical_unit(const scsi::LunAddress& lun, std::function<void()> finished) {
  LogicalUnit* unit = find(lun);
  if (unit == nullptr) return false;
  unit->reset(std::move(finished));
  return true;
}

bool ScsiTarget::abort_task_set(const scsi::LunAddress& lun, const Nexus& nexus,
                                std::function<void()> finished) {
  LogicalUnit* unit = find(lun);
  if (unit == nullptr) return false;
  unit->abort_task_set(nexus, std::move(finished));
  return true;
}

void ScsiTarget::on_every_unit(const std::function<void(LogicalUnit&, std::function<void()>)>& begin,
                               std::function<void()> finished) {
  // One more than there are units, for the case that all of them finish at once.
  auto left = std::make_shared<std::size_t>(1);
  const auto one_finished = [left, finished = std::move(finished)] {
    if (--*left == 0) finished();
  };
  for (const std::unique_ptr<LogicalUnit>& unit : state_->units) {
    if (unit == nullptr) continue;
    ++*left;
    begin(*unit, one_finished);
  }
  for (const std::unique_ptr<LogicalUnit>& unit : state_->retired) {
    ++*left;
    begin(*unit, one_finished);
  }
  one_finished();
}

void ScsiTarget::reset(std::function<void()> finished) {
  on_every_unit([](LogicalUnit& unit, std::function<void()> done) { unit.reset(std::move(done)); },
                std::move(finished));
}

void ScsiTarget::rest(std::function<void()> finished) {
  on_every_unit([](LogicalUnit& unit, std::function<void()> done) { unit.rest_and_tell(std::move(done)); },
                std::move(finished));
}

void ScsiTarget::flush(std::function<void()> finished) {
  on_every_unit([](LogicalUnit& unit, std::function<void()> done) { unit.flush_and_tell(std::move(done)); },
                std::move(finished));
}

}  // namespace holdfast::target
