#include "initiator/workload/load_plan.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>

#include "common/base/check.h"
#include "initiator/workload/block_pattern.h"
#include "initiator/workload/generation_table.h"

namespace holdfast::initiator {
namespace {

Error does_not_fit(std::string message) {
  return Error{ErrorKind::invalid_input, EINVAL, std::move(message)};
}

}  // namespace

Result<LoadPlan> plan_load(const LoadOptions& options, const Device& device, std::uint64_t run) {
  const std::uint32_t unit = device.block_bytes();
  const std::uint32_t block = options.block_bytes;
  if (block == 0 || block % unit != 0)
    return does_not_fit(
        fmt::format("--block {}: this device reads and writes in blocks of {} bytes", block, unit));
  if (block > device.transfer_bytes_max())
    return does_not_fit(
        fmt::format("--block {}: one request to this device carries {} bytes at most", block,
                    device.transfer_bytes_max()));
  if (options.depth > device.depth_max())
    return does_not_fit(fmt::format("--depth {}: this device takes {} requests at once",
                                    options.depth, device.depth_max()));
  if (options.bytes > device.size())
    return does_not_fit(
        fmt::format("--size {}: the device has {} bytes", options.bytes, device.size()));
  LoadPlan plan;
  plan.options = options;
  plan.logical_block_bytes = unit;
  plan.run = run;
  plan.blocks = (options.bytes == 0 ? device.size() : options.bytes) / block;
  if (plan.blocks < options.sessions)
    return does_not_fit(
        fmt::format("{} of {} bytes are too few for {} sessions",
                    plan.blocks == 1 ? "1 block" : fmt::format("{} blocks", plan.blocks), block,
                    options.sessions));
  const bool keeps_track = options.verify && writes(options.access);
  plan.shortened = keeps_track && plan.blocks > GenerationTable::blocks_max;
  if (plan.shortened) plan.blocks = GenerationTable::blocks_max;
  return plan;
}

std::uint64_t new_run_number() {
  std::uint64_t number = 0;
  // The kernel has random bytes at any time; so early that it had not, the clock will do.
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    number = static_cast<std::uint64_t>(clock_now().time_since_epoch().count());
  return std::max<std::uint64_t>(number, 1);
}

}  // namespace holdfast::initiator
