#include "common/scsi/defect_data.h"

namespace holdfast::scsi {

std::variant<ParameterData, Sense> read_defect_data(const ReadDefectData& command) {
  constexpr std::uint8_t reserved_format = 7;
  if (command.format == reserved_format) return invalid_field_in_cdb(command.twelve ? 1 : 2, 2);
  const auto flags = static_cast<std::uint8_t>((command.primary_list ? 0x10 : 0) |
                                               (command.grown_list ? 0x08 : 0) | command.format);
  ParameterData data;
  data.put({0, flags});
  data.put_zeros(command.twelve ? 6 : 2);
  return data;
}

}  // namespace holdfast::scsi
