#pragma once

#include <variant>

#include "common/scsi/cdb.h"
#include "common/scsi/parameter_data.h"

namespace holdfast::scsi {

/// REPORT SUPPORTED OPERATION CODES parameter data (SPC-4 6.35) out of the table of CDBs that we
/// decode, or why there is none.
std::variant<ParameterData, Sense> report_supported_opcodes(const ReportSupportedOpcodes& command);

}  // namespace holdfast::scsi
