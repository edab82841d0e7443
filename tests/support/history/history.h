#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

// What several hosts did to a handful of blocks and what they were answered, as one history.

namespace holdfast::testing_support {

/// What a block holds: each write has a number of its own, and 0 is what nobody wrote.
using BlockValue = std::uint64_t;
/// What is read of a block that holds parts of several.
inline constexpr BlockValue torn = std::numeric_limits<BlockValue>::max();
/// Of an event without an end.
inline constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

/// One command of one host. Moments are those of one clock, which need only tell what came first.
struct Event {
  enum class Kind : std::uint8_t {
    read,
    write,  // each block by itself
    write_atomic,
    compare_and_write,
    fence,         // PREEMPT AND ABORT, which takes `fenced` the right to write
    register_key,  // after which the host may write
  };
  enum class Result : std::uint8_t { good, miscompare, conflict, open };

  int host = 0;
  std::int64_t invoked = 0;
  /// When the answer came; without one (`open`) the moment after which nothing of it can happen.
  std::int64_t answered = never;
  Kind kind = Kind::read;
  Result result = Result::good;
  std::uint32_t first = 0;           // block
  std::vector<BlockValue> expected;  // of COMPARE AND WRITE, as many as `values`
  std::vector<BlockValue> values;    // that were found, or to be written
  std::uint32_t differs_at = 0;      // miscompare: the first block that is not as expected, from 0
  int fenced = 0;

  bool operator==(const Event&) const = default;
};

using History = std::vector<Event>;

/// One line an event, HOST INVOKED ANSWERED and then what it did:
///
///     1 3 8 read 0 = 5 torn              from block 0 on
///     1 3 8 write 0 = 7 8                also: atomic
///     1 3 8 swap 0 : 5 6 = 7 8           COMPARE AND WRITE
///     1 3 8 swap 0 : 5 6 = 7 8 differs 1
///     1 3 8 write 0 = 7 conflict         also: open, with - for ANSWERED where there is no end
///     0 3 8 fence 1
///     1 3 8 register
std::string to_text(const Event& event);
std::string to_text(const History& history);
/// The same text read. Empty lines, and what follows a #, are passed over.
Result<History> parse_history(std::string_view text);

}  // namespace holdfast::testing_support
