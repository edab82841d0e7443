#pragma once

#include <string_view>

#include "common/base/result.h"

namespace holdfast::initiator {

/// Why `text`, which has no scheme of ours, is no destination: the scheme that was probably meant,
/// or all that there are. A password in it is not repeated.
Error no_destination(std::string_view text);

}  // namespace holdfast::initiator
