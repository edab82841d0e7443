#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/tree/directory_calls.h"

namespace holdfast::initiator {

struct ListedName {
  std::string name;
  std::uint64_t number = 0;  // as readdir tells
  std::uint32_t type = 0;    // one of S_IFMT; 0 if readdir did not tell
};

/// The names in an open directory, without "." and "..", whoever read in it before. Blocks.
Result<std::vector<ListedName>> list_directory(int directory, CallSite& site);

}  // namespace holdfast::initiator
