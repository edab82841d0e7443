#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/scsi/cdb.h"

namespace holdfast::target {

/// Which logical units a target has, as REPORT LUNS tells it (SPC-4 6.33).
class LunInventory {
 public:
  LunInventory();
  /// Adds a number that is not there, below `scsi::lun_numbers`.
  void add(std::uint32_t number);
  /// Removes one that is there.
  void remove(std::uint32_t number);

  /// All of the parameter data; the units stand in the order of their numbers. There is no well
  /// known logical unit, so a report of those alone is empty.
  std::span<const std::uint8_t> report(const scsi::ReportLuns& command) const;

 private:
  void set_list_length();

  std::vector<std::uint32_t> numbers_;
  std::vector<std::uint8_t> report_;
};

}  // namespace holdfast::target
