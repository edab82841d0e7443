#include "target/lun/reservations.h"

#include <system_error>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"
#include "target/lun/nexus_state.h"
#include "target/lun/reservation_file.h"

namespace holdfast::target {

Reservations::Reservations(std::string target_name, std::uint32_t lun,
                           std::vector<std::uint16_t> target_ports)
    : target_name_(std::move(target_name)), lun_(lun), target_ports_(std::move(target_ports)) {
}

Reservations::~Reservations() {
  CHECK(jobs_.empty());
}

Status Reservations::keep_in(std::unique_ptr<StateFile> file, std::string_view content) {
  if (!content.empty()) {
    Result<scsi::PersistentReservations> kept = decode_reservations(content, target_name_, lun_);
    if (!kept) return kept.error();
    persistent_ = std::move(*kept);
  }
  file_ = std::move(file);
  update();
  return {};
}

void Reservations::update() {
  none_stands_ = reserved_by_ == nullptr && !persistent_.reservation;
}

bool Reservations::may_run(scsi::ReservationClass command, const scsi::CdbBytes& cdb,
                           const NexusState& nexus) const {
  if (reserved_by_ != nullptr) return may_run_beside_reserve(command, cdb, reserved_by_ == &nexus);
  if (!persistent_.reservation) return true;
  return target::may_run(command, cdb, *persistent_.reservation, nexus.standing);
}

Standing Reservations::standing_of(const NexusName& nexus) const {
  const std::optional<std::size_t> place = find_registration(persistent_, nexus);
  if (!place) return Standing::stranger;
  return persistent_.is_holder(persistent_.registrations[*place]) ? Standing::holder
                                                                  : Standing::registrant;
}

void Reservations::carry_out(ReserveOutJob job) {
  jobs_.push_back(std::move(job));
  if (!working_) work();
}

/// From the oldest job on, until one must wait for the medium.
void Reservations::work() {
  working_ = true;
  while (!saving_ && !jobs_.empty()) {
    const ReserveOutJob& job = jobs_.front();
    if (!job.is_wanted()) {
      job.dropped();
      jobs_.pop_front();
      continue;
    }
    ReservationVerdict verdict = decide(persistent_, {.command = job.command,
                                                      .parameters = job.parameters,
                                                      .nexus = job.nexus,
                                                      .can_persist = can_persist(),
                                                      .target_ports = target_ports_});
    const auto* change = std::get_if<ReservationChange>(&verdict);
    const bool must_save = change != nullptr && change->after != persistent_ &&
                           (change->after.persist || persistent_.persist);
    if (!must_save) {
      settle(job, std::move(verdict));
      jobs_.pop_front();
      continue;
    }
    saving_ = true;
    std::string content = encode_reservations(change->after, target_name_, lun_);
    being_saved_ = std::move(verdict);
    file_->save(std::move(content), [this](int error) { saved(error); });
  }
  working_ = false;
}

void Reservations::settle(const ReserveOutJob& job, ReservationVerdict verdict) {
  scsi::PersistentReservations before = persistent_;
  if (auto* change = std::get_if<ReservationChange>(&verdict)) {
    persistent_ = change->after;
    update();
  }
  job.done(verdict, before);
}

void Reservations::saved(int error) {
  ReservationVerdict verdict = std::move(being_saved_);
  if (error != 0) {
    log(LogLevel::error, "{}: reservations cannot be kept, so they stay as they were: {}",
        file_->describe(), std::generic_category().message(error));
    verdict = scsi::Sense{.key = scsi::SenseKey::hardware_error,
                          .additional = scsi::additional_sense::internal_target_failure};
  }
  saving_ = false;
  settle(jobs_.front(), std::move(verdict));
  jobs_.pop_front();
  work();
}

bool Reservations::is_served(const NexusState& nexus) const {
  if (!persistent_.reservation) return false;
  if (nexus.standing == Standing::holder) return true;
  return nexus.standing == Standing::registrant &&
         scsi::is_for_registrants(*persistent_.reservation);
}

bool Reservations::reserve(const NexusState& nexus) {
  if (!persistent_.registrations.empty()) return is_served(nexus);
  if (reserved_by_ != nullptr && reserved_by_ != &nexus) return false;
  reserved_by_ = &nexus;
  update();
  return true;
}

bool Reservations::release(const NexusState& nexus) {
  if (!persistent_.registrations.empty()) return is_served(nexus);
  forget(nexus);
  return true;
}

void Reservations::forget(const NexusState& nexus) {
  if (reserved_by_ != &nexus) return;
  reserved_by_ = nullptr;
  update();
}

void Reservations::reset() {
  reserved_by_ = nullptr;
  update();
}

}  // namespace holdfast::target
