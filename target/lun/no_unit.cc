#include "target/lun/no_unit.h"

#include <algorithm>
#include <variant>

#include "common/scsi/inquiry.h"
#include "target/lun/parameter_data.h"

namespace holdfast::target {
namespace {

std::span<const std::uint8_t> cut(std::span<const std::uint8_t> data,
                                  std::uint32_t allocation_bytes) {
  return data.first(std::min<std::size_t>(data.size(), allocation_bytes));
}

struct Answer {
  const LunInventory& inventory;
  scsi::ParameterData& memory;

  NoUnitAnswer operator()(const scsi::Inquiry& command) const {
    if (command.vital_product_data) {
      if (command.page != 0) return scsi::invalid_field_in_cdb(2);
      memory = scsi::supported_vpd_pages_of_no_unit();
    } else {
      memory = scsi::standard_inquiry_of_no_unit();
    }
    return cut(memory.bytes(), command.allocation_bytes);
  }

  NoUnitAnswer operator()(const scsi::ReportLuns& command) const {
    return cut(inventory.report(command), command.allocation_bytes);
  }

  NoUnitAnswer operator()(const scsi::RequestSense& command) const {
    memory = request_sense(command, not_supported());
    return cut(memory.bytes(), command.allocation_bytes);
  }

  template <typename Other>
  NoUnitAnswer operator()(const Other&) const {
    return not_supported();
  }

 private:
  static scsi::Sense not_supported() {
    return illegal_request(scsi::additional_sense::logical_unit_not_supported);
  }
};

}  // namespace

NoUnitAnswer answer_without_unit(const scsi::Cdb& cdb, const LunInventory& inventory,
                                 scsi::ParameterData& memory) {
  return std::visit(Answer{inventory, memory}, cdb);
}

}  // namespace holdfast::target
