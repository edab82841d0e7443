#pragma once

#include <variant>

#include "common/scsi/block_cdbs.h"
#include "common/scsi/parameter_data.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// READ DEFECT DATA(10) or (12) parameter data, SBC-3 5.17.2, 5.18.2: a medium without defects has
/// empty lists, whatever their format.
std::variant<ParameterData, Sense> read_defect_data(const ReadDefectData& command);

}  // namespace holdfast::scsi
