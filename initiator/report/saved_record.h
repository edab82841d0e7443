#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "initiator/report/compare_record.h"
#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// A record of any kind, as it was saved.
using SavedRecord = std::variant<RunRecord, CompareRecord>;

/// All of a file (or a pipe) of at most 1 GiB. Errors are of kind `invalid_input` and name the file.
Result<std::string> read_record_text(const std::string& path);

/// Reads whichever kind `text` is by its schema.
Result<SavedRecord> saved_record_from_json(std::string_view text);
/// The same from such a file.
Result<SavedRecord> read_saved_record(const std::string& path);

}  // namespace holdfast::initiator
