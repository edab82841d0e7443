#include "common/scsi/primary_decoders.h"

#include "common/scsi/cdb_fields.h"

namespace holdfast::scsi {
namespace {

ModeSense mode_sense(const CdbBytes& cdb) {
  ModeSense sense;
  sense.disable_block_descriptors = cdb_bit(cdb, 1, 3);
  sense.control = static_cast<PageControl>(cdb[2] >> 6);
  sense.page = cdb[2] & 0x3f;
  sense.subpage = cdb[3];
  return sense;
}

}  // namespace

Cdb decode_test_unit_ready(const CdbBytes&) {
  return TestUnitReady{};
}

Cdb decode_request_sense(const CdbBytes& cdb) {
  return RequestSense{cdb_bit(cdb, 1, 0) ? SenseFormat::descriptor : SenseFormat::fixed, cdb[4]};
}

Cdb decode_inquiry(const CdbBytes& cdb) {
  const Inquiry inquiry{cdb_bit(cdb, 1, 0), cdb[2], cdb_field<be16>(cdb, 3)};
  if (!inquiry.vital_product_data && inquiry.page != 0) return Refused{invalid_field_in_cdb(2)};
  return inquiry;
}

Cdb decode_report_luns(const CdbBytes& cdb) {
  if (cdb[2] > 2) return Refused{invalid_field_in_cdb(2)};
  return ReportLuns{cdb[2], cdb_field<be32>(cdb, 6)};
}

Cdb decode_mode_sense_6(const CdbBytes& cdb) {
  ModeSense sense = mode_sense(cdb);
  sense.allocation_bytes = cdb[4];
  return sense;
}

Cdb decode_mode_sense_10(const CdbBytes& cdb) {
  ModeSense sense = mode_sense(cdb);
  sense.ten = true;
  sense.long_lba_accepted = cdb_bit(cdb, 1, 4);
  sense.allocation_bytes = cdb_field<be16>(cdb, 7);
  return sense;
}

Cdb decode_report_supported_opcodes(const CdbBytes& cdb) {
  const std::uint8_t options = cdb[2] & 0x07;
  if (options > 3) return Refused{invalid_field_in_cdb(2, 2)};
  return ReportSupportedOpcodes{static_cast<ReportSupportedOpcodes::Options>(options),
                                cdb_bit(cdb, 2, 7), cdb[3], cdb_field<be16>(cdb, 4),
                                cdb_field<be32>(cdb, 6)};
}

Cdb decode_report_supported_tmfs(const CdbBytes& cdb) {
  return ReportSupportedTmfs{cdb_bit(cdb, 2, 7), cdb_field<be32>(cdb, 6)};
}

Cdb decode_reserve(const CdbBytes&) {
  return Reserve{};
}

Cdb decode_release(const CdbBytes&) {
  return Release{};
}

Cdb decode_persistent_reserve_in(const CdbBytes& cdb) {
  return PersistentReserveIn{static_cast<PersistentReserveIn::Action>(cdb[1] & 0x1f),
                             cdb_field<be16>(cdb, 7)};
}

Cdb decode_persistent_reserve_out(const CdbBytes& cdb) {
  return PersistentReserveOut{static_cast<PersistentReserveOut::Action>(cdb[1] & 0x1f),
                              static_cast<std::uint8_t>(cdb[2] >> 4),
                              static_cast<std::uint8_t>(cdb[2] & 0x0f), cdb_field<be32>(cdb, 5)};
}

Cdb decode_mode_select_6(const CdbBytes& cdb) {
  return ModeSelect{false, cdb_bit(cdb, 1, 4), cdb_bit(cdb, 1, 0), cdb[4]};
}

Cdb decode_mode_select_10(const CdbBytes& cdb) {
  return ModeSelect{true, cdb_bit(cdb, 1, 4), cdb_bit(cdb, 1, 0), cdb_field<be16>(cdb, 7)};
}

Cdb decode_log_sense(const CdbBytes& cdb) {
  LogSense sense;
  sense.save = cdb_bit(cdb, 1, 0);
  sense.control = static_cast<std::uint8_t>(cdb[2] >> 6);
  sense.page = cdb[2] & 0x3f;
  sense.subpage = cdb[3];
  sense.parameter_pointer = cdb_field<be16>(cdb, 5);
  sense.allocation_bytes = cdb_field<be16>(cdb, 7);
  return sense;
}

Cdb decode_log_select(const CdbBytes& cdb) {
  LogSelect select;
  select.reset = cdb_bit(cdb, 1, 1);
  select.save = cdb_bit(cdb, 1, 0);
  select.control = static_cast<std::uint8_t>(cdb[2] >> 6);
  select.page = cdb[2] & 0x3f;
  select.subpage = cdb[3];
  select.parameter_bytes = cdb_field<be16>(cdb, 7);
  return select;
}

Cdb decode_report_target_port_groups(const CdbBytes& cdb) {
  return ReportTargetPortGroups{cdb_bit(cdb, 1, 5), cdb_field<be32>(cdb, 6)};
}

Cdb decode_set_target_port_groups(const CdbBytes& cdb) {
  return SetTargetPortGroups{cdb_field<be32>(cdb, 6)};
}

Cdb decode_extended_copy(const CdbBytes& cdb) {
  return ExtendedCopy{cdb_field<be32>(cdb, 10)};
}

Cdb decode_receive_copy_results(const CdbBytes& cdb) {
  return ReceiveCopyResults{static_cast<ReceiveCopyResults::Action>(cdb[1] & 0x1f), cdb[2],
                            cdb_field<be32>(cdb, 10)};
}

}  // namespace holdfast::scsi
