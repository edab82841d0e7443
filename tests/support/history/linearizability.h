#pragma once

#include <cstddef>
#include <string>

#include "tests/support/history/history.h"

namespace holdfast::testing_support {

/// What a check came to. Where it gave up, `words` say so.
struct Verdict {
  bool linearizable = false;
  std::string words;               // what is wrong, and nothing if all is well
  std::size_t configurations = 0;  // that were looked at
};

/// Whether there is an order of the commands, each somewhere between its invocation and its answer,
/// in which every answer is what a medium gives that does one command after another: a READ is of
/// one moment, COMPARE AND WRITE and WRITE ATOMIC are done as a whole, a WRITE block by block. What
/// has no answer may have been done or not (a WRITE in part). Fences are looked at first.
///
/// The search is Wing and Gong's with Lowe's memory of what was tried before, for each set of blocks
/// that commands tie together. It gives up after `configurations_max`. It is quickest where each
/// value is written once.
Verdict check(History history, std::size_t configurations_max = 20'000'000);

}  // namespace holdfast::testing_support
