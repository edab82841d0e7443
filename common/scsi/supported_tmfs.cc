#include "common/scsi/supported_tmfs.h"

namespace holdfast::scsi {

ParameterData report_supported_tmfs(const ReportSupportedTmfs& command) {
  constexpr std::uint8_t abort_task = 0x80, abort_task_set = 0x40, clear_task_set = 0x10,
                         logical_unit_reset = 0x08, target_reset = 0x02;
  ParameterData data;
  data.put(static_cast<std::uint8_t>(abort_task | abort_task_set | clear_task_set |
                                     logical_unit_reset | target_reset));
  data.put({0, 0, 0});
  if (!command.extended) return data;
  data.set(3, 12);     // ADDITIONAL LENGTH
  data.put_zeros(12);  // no timeouts are promised
  return data;
}

}  // namespace holdfast::scsi
