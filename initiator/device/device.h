#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/task.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

namespace holdfast::initiator {

enum class DeviceOperation : std::uint8_t { read, write, flush, unmap };

/// One request to a device. It lives in its owner's slot and must outlive its completion.
struct DeviceRequest {
  DeviceOperation operation = DeviceOperation::read;
  /// Force unit access: a write that is on the medium when it is acknowledged.
  bool durable = false;
  /// Bytes from the device's start, and the length; multiples of `Device::block_bytes`.
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  /// The memory of a read or write, `bytes` in all. A device may change the entries while it works.
  std::span<iovec> vectors;
  /// On whose behalf: a file's number from `Watch::name_file`, or 0 for the filesystem's own metadata.
  std::uint32_t file = 0;
  /// When it was due to be sent, from which its age counts. Set by `WatchedDevice` if left zero.
  Instant due{};

  /// The answer: 0 or an errno; the peer's own words, when it had any, in `Device::last_error`.
  int error = 0;

  /// Called exactly once per submit, from the loop and never from inside `Device::submit`.
  void (*done)(DeviceRequest&) = nullptr;
  void* owner = nullptr;

  /// For the layers below: a watch's slot, a device's own task.
  void* layer = nullptr;
  std::uint32_t watch_slot = 0;
};

/// The block waist: what every block transport looks like to the workloads and to the watch.
/// All calls and answers belong to one loop. A device never waits without end by itself, but it may
/// leave a request unanswered for as long as its peer does: deadlines are the watch's.
class Device : public PathWitness {
 public:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  /// `close` has finished by then.
  virtual ~Device() = default;

  virtual std::uint64_t size() const = 0;
  virtual std::uint32_t block_bytes() const = 0;
  /// The most that one read or write should carry, in bytes.
  virtual std::uint32_t transfer_bytes_max() const = 0;
  /// How many requests may be in flight at once.
  virtual std::uint32_t depth_max() const = 0;
  virtual bool read_only() const = 0;
  /// "iscsi", "nbd", "file".
  virtual std::string transport() const = 0;
  /// What was agreed with the peer, for the record: negotiated keys, vendor, serial.
  virtual std::map<std::string, std::string> negotiated() const = 0;
  /// What the peer said when it last refused or broke off, in words; empty if nothing.
  virtual std::string last_error() const = 0;
  /// The connection to the peer is gone: every request fails from now on.
  virtual bool lost() const { return false; }
  /// What went over the wire so far.
  virtual WireUse wire() const = 0;

  virtual void submit(DeviceRequest& request) = 0;
  /// Gives everything in flight up: each request is done with ECANCELED, at once, whatever the peer
  /// does, as far as the kernel lets go of the memory.
  virtual void abandon() = 0;
  /// After `abandon` and `close`: whether the requests' memory is free. If it is not, the kernel may
  /// use it at any time, and the process has to end without freeing it.
  virtual bool drained() const { return true; }
  /// Ends the session in order, within `deadline` and then without it. Nothing is in flight.
  virtual Task<void> close(Duration deadline) = 0;
};

/// Submits and waits: 0 or the errno. For conversations; pipelines use `submit`.
Task<int> perform(Device& device, DeviceRequest& request);

}  // namespace holdfast::initiator
