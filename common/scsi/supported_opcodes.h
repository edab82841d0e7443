#pragma once

#include <variant>

#include "common/scsi/cdb.h"
#include "common/scsi/parameter_data.h"

namespace holdfast::scsi {

/// REPORT SUPPORTED OPERATION CODES parameter data (SPC-4 6.35) out of the table of CDBs that we
/// decode for a unit with those commands, or why there is none.
std::variant<ParameterData, Sense> report_supported_opcodes(const ReportSupportedOpcodes& command,
                                                            const CommandSet& commands);

}  // namespace holdfast::scsi
