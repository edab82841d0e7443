#pragma once

#include "common/base/result.h"
#include "initiator/cli/run.h"
#include "initiator/report/compare_record.h"
#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// Whether what `--json` and `--html` ask for can be written later: said before the run, not after
/// it.
Status check_files(const RunOptions& options);
/// Writes them, each as a whole or not at all. One that fails keeps the other from nothing; the
/// error is the first one's.
Status write_files(const RunRecord& record, const RunOptions& options);
Status write_files(const CompareRecord& record, const RunOptions& options);

}  // namespace holdfast::initiator
