#pragma once

#include "common/scsi/identity.h"
#include "common/scsi/parameter_data.h"

namespace holdfast::scsi {

/// Standard INQUIRY data of a direct access block device (SPC-4 6.6.2): 96 bytes, with the version
/// descriptors of SAM-5, SPC-4, SBC-3 and iSCSI.
ParameterData standard_inquiry(const Identity& identity, bool removable);

/// Standard INQUIRY data where there is no logical unit: PERIPHERAL QUALIFIER 011b.
ParameterData standard_inquiry_of_no_unit();
/// The supported VPD pages page where there is no logical unit: it is the only one.
ParameterData supported_vpd_pages_of_no_unit();

}  // namespace holdfast::scsi
