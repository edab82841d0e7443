#pragma once

#include "common/scsi/cdb.h"

// One function for each primary command: its CDB, whose unused bits are zero, to what it asks for.

namespace holdfast::scsi {

Cdb decode_test_unit_ready(const CdbBytes& cdb);
Cdb decode_request_sense(const CdbBytes& cdb);
Cdb decode_inquiry(const CdbBytes& cdb);
Cdb decode_report_luns(const CdbBytes& cdb);
Cdb decode_mode_sense_6(const CdbBytes& cdb);
Cdb decode_mode_sense_10(const CdbBytes& cdb);
Cdb decode_report_supported_opcodes(const CdbBytes& cdb);
Cdb decode_report_supported_tmfs(const CdbBytes& cdb);

Cdb decode_reserve(const CdbBytes& cdb);
Cdb decode_release(const CdbBytes& cdb);
Cdb decode_persistent_reserve_in(const CdbBytes& cdb);
Cdb decode_persistent_reserve_out(const CdbBytes& cdb);
Cdb decode_mode_select_6(const CdbBytes& cdb);
Cdb decode_mode_select_10(const CdbBytes& cdb);
Cdb decode_log_sense(const CdbBytes& cdb);
Cdb decode_log_select(const CdbBytes& cdb);
Cdb decode_report_target_port_groups(const CdbBytes& cdb);
Cdb decode_set_target_port_groups(const CdbBytes& cdb);
Cdb decode_extended_copy(const CdbBytes& cdb);
Cdb decode_receive_copy_results(const CdbBytes& cdb);

}  // namespace holdfast::scsi
