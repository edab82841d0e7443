#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "target/store/fault_store.h"

namespace holdfast::target {

/// Reads a rule as people write it: WHAT [OF] [WHICH]…
///
///   hang · delay 200ms [jitter 50ms] · fail EIO (or ENOSPC, EROFS, ETIMEDOUT) · tear · lose
///   read · write · flush · unmap            of these alone; else of all
///   lba 100..199                            those that touch one of these blocks
///   nth 3 · times 5 · share 10% · seed 7 · for 10s
///
/// `block_bytes` is what an LBA counts. The error names the word, counted from 1, and what is allowed.
Result<Fault> parse_fault(std::string_view text, std::uint32_t block_bytes);

}  // namespace holdfast::target
