#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::initiator {

/// The first PDU of a discovery session's login. Any target that is alive answers it, if only with a
/// refusal, and what answers is not part of any session's data path.
std::vector<std::byte> iscsi_hello(const std::string& initiator_name);

}  // namespace holdfast::initiator
