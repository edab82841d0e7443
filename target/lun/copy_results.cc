#include "target/lun/copy_results.h"

#include <algorithm>

#include "common/scsi/copy_list.h"

namespace holdfast::target {
namespace {

using Action = scsi::ReceiveCopyResults::Action;

scsi::ParameterData status_data(const CopyResults::Result& result) {  // SPC-4 6.18
  scsi::ParameterData data;
  data.put_be32(8);
  data.put(static_cast<std::uint8_t>(result.failed ? 0x02 : 0x01));
  data.put_be16(result.segments);
  data.put(std::uint8_t{0});  // TRANSFER COUNT UNITS: bytes
  data.put_be32(static_cast<std::uint32_t>(std::min<std::uint64_t>(result.bytes, 0xffff'ffff)));
  return data;
}

}  // namespace

void CopyResults::note(const Result& result) {
  std::erase_if(results_, [&](const Result& known) {
    return known.nexus == result.nexus && known.list_id == result.list_id;
  });
  if (results_.size() == kept) results_.erase(results_.begin());
  results_.push_back(result);
}

void CopyResults::forget(std::uint32_t nexus) {
  std::erase_if(results_, [nexus](const Result& known) { return known.nexus == nexus; });
}

std::variant<scsi::ParameterData, scsi::Sense> CopyResults::receive(
    std::uint32_t nexus, const scsi::ReceiveCopyResults& command) {
  if (command.action == Action::operating_parameters) return scsi::copy_operating_parameters();
  const auto found = std::find_if(results_.begin(), results_.end(), [&](const Result& known) {
    return known.nexus == nexus && known.list_id == command.list_id;
  });
  if (found == results_.end()) return scsi::invalid_field_in_cdb(2);
  if (command.action == Action::copy_status) {
    const scsi::ParameterData data = status_data(*found);
    results_.erase(found);
    return data;
  }
  scsi::ParameterData none;
  none.put_be32(0);
  return none;
}

}  // namespace holdfast::target
