#include "common/scsi/inquiry.h"

#include "common/scsi/identity.h"

namespace holdfast::scsi {
namespace {

constexpr std::uint8_t no_unit = 0x7f;  // PERIPHERAL QUALIFIER 011b, PERIPHERAL DEVICE TYPE 1Fh
constexpr std::uint8_t direct_access_block_device = 0x00;
constexpr std::uint16_t version_descriptors[] = {
    0x00a0,  // SAM-5
    0x0460,  // SPC-4
    0x04c0,  // SBC-3
    0x0960,  // iSCSI
};

ParameterData inquiry(std::uint8_t peripheral, const Identity& identity, bool removable) {
  const bool is_unit = peripheral != no_unit;
  ParameterData data;
  data.put(peripheral);
  data.put({
      static_cast<std::uint8_t>(removable ? 0x80 : 0x00),  // RMB
      0x06,                                                // VERSION: SPC-4
      0x12,                                                // HISUP, RESPONSE DATA FORMAT 2
      96 - 5,                                              // ADDITIONAL LENGTH
      static_cast<std::uint8_t>(is_unit ? 0x38 : 0x00),    // TPGS 11b, 3PC; no SCC, ACC, PROTECT
      0x00,                                                // ENCSERV, MULTIP
      0x02,                                                // CMDQUE
  });
  data.put_text(identity.vendor, 8);
  data.put_text(identity.product, 16);
  data.put_text(identity.revision, 4);
  data.put_zeros(58 - data.size());
  for (std::uint16_t descriptor : version_descriptors) data.put_be16(descriptor);
  data.put_zeros(96 - data.size());
  return data;
}

}  // namespace

ParameterData standard_inquiry(const Identity& identity, bool removable) {
  return inquiry(direct_access_block_device, identity, removable);
}

ParameterData standard_inquiry_of_no_unit() {
  return inquiry(no_unit, Identity{}, false);
}

ParameterData supported_vpd_pages_of_no_unit() {
  ParameterData data;
  data.put({no_unit, 0x00, 0, 1, 0x00});
  return data;
}

}  // namespace holdfast::scsi
