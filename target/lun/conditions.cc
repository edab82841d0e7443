#include "target/lun/conditions.h"

#include <algorithm>

namespace holdfast::target {
namespace {

/// Lower ones are told first, whenever they came.
enum class Rank : std::uint8_t { power_on, reset, event, deferred };

struct Row {
  scsi::SenseKey key;
  scsi::AdditionalSense additional;
  Rank rank;
};

namespace additional_sense = scsi::additional_sense;
constexpr scsi::SenseKey attention = scsi::SenseKey::unit_attention;

// In the order of Condition.
constexpr Row rows[] = {
    {attention, additional_sense::power_on_or_reset, Rank::power_on},
    {attention, additional_sense::bus_device_reset_function_occurred, Rank::reset},
    {attention, additional_sense::commands_cleared_by_another_initiator, Rank::event},
    {attention, additional_sense::some_commands_cleared_by_iscsi_protocol_event, Rank::event},
    {attention, additional_sense::reservations_preempted, Rank::event},
    {attention, additional_sense::reservations_released, Rank::event},
    {attention, additional_sense::registrations_preempted, Rank::event},
    {attention, additional_sense::not_ready_to_ready_change, Rank::event},
    {attention, additional_sense::mode_parameters_changed, Rank::event},
    {attention, additional_sense::log_parameters_changed, Rank::event},
    {attention, additional_sense::asymmetric_access_state_changed, Rank::event},
    {attention, additional_sense::capacity_data_has_changed, Rank::event},
    {attention, additional_sense::reported_luns_data_has_changed, Rank::event},
    {attention, additional_sense::thin_provisioning_soft_threshold_reached, Rank::event},
    {scsi::SenseKey::medium_error, additional_sense::write_error, Rank::deferred},
};
static_assert(std::size(rows) == condition_count);

const Row& row_of(Condition condition) {
  return rows[static_cast<std::size_t>(condition)];
}

}  // namespace

scsi::Sense sense_of(Condition condition) {
  const Row& row = row_of(condition);
  scsi::Sense sense;
  sense.key = row.key;
  sense.additional = row.additional;
  sense.deferred = row.rank == Rank::deferred;
  return sense;
}

bool comes_before_conflicts(Condition condition) {
  return row_of(condition).rank <= Rank::reset;
}

void Conditions::raise(Condition condition) {
  const auto end = standing_.begin() + count_;
  if (std::find(standing_.begin(), end, condition) != end) return;
  const auto place = std::find_if(standing_.begin(), end, [condition](Condition other) {
    return row_of(condition).rank < row_of(other).rank;
  });
  std::move_backward(place, end, end + 1);
  *place = condition;
  ++count_;
}

std::optional<Condition> Conditions::first() const {
  if (count_ == 0) return std::nullopt;
  return standing_.front();
}

void Conditions::clear(Condition condition) {
  remove(condition);
  if (condition != Condition::power_on) return;
  // Whoever begins anew knows nothing that could have changed.
  remove(Condition::bus_device_reset);
  remove(Condition::capacity_changed);
  remove(Condition::luns_changed);
}

void Conditions::remove(Condition condition) {
  const auto end = standing_.begin() + count_;
  const auto place = std::find(standing_.begin(), end, condition);
  if (place == end) return;
  std::move(place + 1, end, place);
  --count_;
}

}  // namespace holdfast::target
