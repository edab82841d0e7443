#pragma once

#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

/// What a load does, by the names that fio uses too.
enum class Access : std::uint8_t { read, write, randread, randwrite, randrw };

inline constexpr std::size_t access_kinds = 5;

constexpr const char* to_string(Access access) {
  constexpr const char* names[access_kinds] = {"read", "write", "randread", "randwrite", "randrw"};
  return names[static_cast<std::size_t>(access)];
}
constexpr bool writes(Access access) {
  return access != Access::read && access != Access::randread;
}
constexpr bool sequential(Access access) {
  return access == Access::read || access == Access::write;
}

struct LoadOptions {
  Access access = Access::randread;
  std::uint32_t block_bytes = 4096;
  std::uint32_t depth = 32;  // of each session
  std::uint32_t sessions = 1;
  Duration time = std::chrono::seconds(30);
  /// Operations a second, all sessions together; 0: as fast as they are answered.
  double rate = 0;
  /// From the device's start; 0: all of it.
  std::uint64_t bytes = 0;
  std::uint64_t seed = 0;
  std::uint32_t read_percent = 70;  // of randrw
  bool verify = false;
};

/// A load fitted to a device.
struct LoadPlan {
  LoadOptions options;
  std::uint64_t blocks = 0;  // of `options.block_bytes`, from the device's start
  std::uint32_t logical_block_bytes = 512;
  /// Tells this run's blocks from every other run's, with the same seed too.
  std::uint64_t run = 0;
  /// What was asked for is larger than what --verify can keep track of.
  bool shortened = false;

  std::uint64_t bytes() const { return blocks * options.block_bytes; }
};

/// Fits the load to the device; the error says what does not fit, and what would.
Result<LoadPlan> plan_load(const LoadOptions& options, const Device& device, std::uint64_t run);

/// A number that no other run has.
std::uint64_t new_run_number();

}  // namespace holdfast::initiator
