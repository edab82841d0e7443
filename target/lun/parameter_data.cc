#include "target/lun/parameter_data.h"

#include <optional>
#include <utility>

#include "common/scsi/defect_data.h"
#include "common/scsi/inquiry.h"
#include "common/scsi/supported_opcodes.h"
#include "common/scsi/supported_tmfs.h"
#include "common/scsi/vpd.h"
#include "target/lun/limits.h"

namespace holdfast::target {

Parameters parameters(const scsi::Inquiry& command, const UnitDescription& unit) {
  if (!command.vital_product_data)
    return scsi::standard_inquiry(unit.identity, unit.commands.removable);
  const scsi::VitalProductData known{
      .identity = unit.identity,
      .geometry = unit.geometry,
      .thin = unit.commands.thin,
      .thresholds = unit.log.resources.has_value(),
      .rotation_rate = unit.rotation_rate,
      .transfer_blocks_max = unit.transfer_bytes_max / unit.geometry.block_bytes,
      .compare_blocks_max = unit.atomic.compare_blocks,
      .write_same_blocks_max = write_same_bytes_max / unit.geometry.block_bytes,
      .atomic_blocks_max = unit.atomic.write_blocks,
      .atomic_alignment_blocks = unit.atomic.alignment_blocks,
      .target_port = unit.target_port,
      .port_groups = unit.port_groups,
  };
  std::optional<scsi::ParameterData> page = scsi::vpd_page(command.page, known);
  if (!page) return scsi::invalid_field_in_cdb(2);
  return std::move(*page);
}

Parameters parameters(const scsi::ModeSense& command, const UnitDescription& unit) {
  return scsi::mode_sense(command, unit.mode);
}

Parameters parameters(const scsi::ReadCapacity10&, const UnitDescription& unit) {
  return scsi::read_capacity_10(unit.geometry);
}

Parameters parameters(const scsi::ReadCapacity16&, const UnitDescription& unit) {
  return scsi::read_capacity_16(unit.geometry, unit.commands.thin);
}

Parameters parameters(const scsi::ReportSupportedOpcodes& command, const UnitDescription& unit) {
  return scsi::report_supported_opcodes(command, unit.commands);
}

Parameters parameters(const scsi::ReportSupportedTmfs& command, const UnitDescription&) {
  return scsi::report_supported_tmfs(command);
}

Parameters parameters(const scsi::LogSense& command, const UnitDescription& unit) {
  return scsi::log_sense(command, unit.log);
}

Parameters parameters(const scsi::ReportTargetPortGroups& command, const UnitDescription& unit) {
  return scsi::report_port_groups(command, unit.port_groups);
}

Parameters parameters(const scsi::ReadDefectData& command, const UnitDescription&) {
  return scsi::read_defect_data(command);
}

scsi::ParameterData request_sense(const scsi::RequestSense& command, const scsi::Sense& sense) {
  const scsi::SenseBytes encoded = sense.encode(command.format);
  scsi::ParameterData data;
  data.put(std::span<const std::uint8_t>(encoded.bytes).first(encoded.size));
  return data;
}

}  // namespace holdfast::target
