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

ParameterData inquiry(std::uint8_t peripheral) {
  ParameterData data;
  data.put(peripheral);
  data.put({
      0x00,    // RMB
      0x06,    // VERSION: SPC-4
      0x12,    // HISUP, RESPONSE DATA FORMAT 2
      96 - 5,  // ADDITIONAL LENGTH
      0x00,    // no SCC, ACC, TPGS, 3PC, PROTECT
      0x00,    // ENCSERV, MULTIP
      0x02,    // CMDQUE
  });
  data.put_text(vendor_identification, 8);
  data.put_text(product_identification, 16);
  data.put_text(product_revision, 4);
  data.put_zeros(58 - data.size());
  for (std::uint16_t descriptor : version_descriptors) data.put_be16(descriptor);
  data.put_zeros(96 - data.size());
  return data;
}

}  // namespace

ParameterData standard_inquiry() {
  return inquiry(direct_access_block_device);
}

ParameterData standard_inquiry_of_no_unit() {
  return inquiry(no_unit);
}

ParameterData supported_vpd_pages_of_no_unit() {
  ParameterData data;
  data.put({no_unit, 0x00, 0, 1, 0x00});
  return data;
}

}  // namespace holdfast::scsi
