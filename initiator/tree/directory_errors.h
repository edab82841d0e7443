#pragma once

#include <string>

#include "common/base/result.h"

namespace holdfast::initiator {

/// What a mounted directory answered, as the Tree waist tells it: kind `refused` or `out_of_space`
/// where it concerns one node, `peer_closed` where the filesystem's server is gone, else `system`.
Error directory_error(int code, const std::string& doing);

}  // namespace holdfast::initiator
