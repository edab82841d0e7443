#pragma once

#include "common/scsi/parameter_data.h"
#include "common/scsi/primary_cdbs.h"

namespace holdfast::scsi {

/// REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS parameter data, SPC-4 6.36.
ParameterData report_supported_tmfs(const ReportSupportedTmfs& command);

}  // namespace holdfast::scsi
