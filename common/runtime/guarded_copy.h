#pragma once

#include <cstddef>

namespace holdfast {

/// Copies bytes to or from a mapping of a file that others can shorten, fill up or damage meanwhile, where a plain copy
/// would end the process with SIGBUS. False if some of them were not to be had; how many were copied is not known then.
/// For plain memory that this thread alone changes at that time.
bool guarded_copy(void* to, const void* from, std::size_t bytes);

}  // namespace holdfast
