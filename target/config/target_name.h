#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::target {

/// An iSCSI name looked at by the rules of RFC 7143 section 4.2.7.
struct TargetName {
  std::string name;                   // in lower case: the form in which names are compared
  std::string error;                  // empty: the name is good
  std::vector<std::string> warnings;  // what is tolerated though it should not be
};

TargetName check_target_name(std::string_view name);

}  // namespace holdfast::target
