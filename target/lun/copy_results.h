#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "common/scsi/parameter_data.h"
#include "common/scsi/primary_cdbs.h"
#include "common/scsi/sense.h"

namespace holdfast::target {

/// What became of the latest EXTENDED COPYs to a logical unit, for RECEIVE COPY RESULTS.
class CopyResults {
 public:
  static constexpr std::size_t kept = 16;
  static constexpr std::size_t bytes_max = 64;

  struct Result {
    std::uint32_t nexus = 0;
    std::uint8_t list_id = 0;
    bool failed = false;
    std::uint16_t segments = 0;  // carried out
    std::uint64_t bytes = 0;
  };

  /// A newer result of the same nexus and list takes the place of an older one.
  void note(const Result& result);
  void forget(std::uint32_t nexus);
  /// The answer, after which the result is forgotten, or why there is none (SPC-4 6.18, 6.20, 6.21). Failed segment details are never
  /// held: the EXTENDED COPY's own sense data tells.
  std::variant<scsi::ParameterData, scsi::Sense> receive(
      std::uint32_t nexus, const scsi::ReceiveCopyResults& command);

 private:
  std::vector<Result> results_;  // the oldest first
};

}  // namespace holdfast::target
