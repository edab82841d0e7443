#include "common/scsi/lba_status.h"

namespace holdfast::scsi {

ParameterData lba_status(std::span<const LbaStatus> statuses) {
  ParameterData data;
  data.put_be32(static_cast<std::uint32_t>(4 + 16 * statuses.size()));
  data.put_zeros(4);
  for (const LbaStatus& status : statuses) {
    data.put_be64(status.lba);
    data.put_be32(status.blocks);
    data.put(static_cast<std::uint8_t>(status.status));
    data.put_zeros(3);
  }
  return data;
}

}  // namespace holdfast::scsi
