#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/cli/compare_run.h"

namespace CLI {
class App;
}

namespace holdfast::initiator {

/// What stands behind `holdfast compare`.
struct CompareWords {
  std::string source;
  std::vector<std::string> destinations;
  std::vector<std::string> servers;
  std::uint32_t rounds = 0;
  bool no_verify = false;
  bool cold = false;
  std::uint32_t readers = 0;
  bool locks = false;
  std::string storage;
  RunOptions run;
};

/// Adds the verb with all but the options that every verb has.
CLI::App* add_compare(CLI::App& app, CompareWords& words);
/// What the words ask for, or what is wrong with them.
Result<CompareOptions> read_compare_words(const CompareWords& words);

}  // namespace holdfast::initiator
