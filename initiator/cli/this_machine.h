#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// What this machine is, for the record; what cannot be found out is left empty.
Machine this_machine();

/// The command line for the record: what stands in its URLs as a password is left out.
std::vector<std::string> words_without_passwords(int count, const char* const* words);
std::string without_password(std::string_view word);

}  // namespace holdfast::initiator
