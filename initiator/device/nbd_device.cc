#include "initiator/device/nbd_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <span>
#include <thread>
#include <utility>

#include "common/base/units.h"
#include "common/runtime/buffer.h"
#include "initiator/device/answers.h"
#include "initiator/device/resolve.h"

namespace holdfast::initiator {
namespace {

// More connections are a gain, not a need: a server that does not answer is not waited for as long.
constexpr Duration more_connections_patience = std::chrono::seconds(2);
// A trim's length has 32 bits on the wire.
constexpr std::uint64_t trim_bytes_max = 1 * GiB;
constexpr std::uint32_t sector_bytes = 512;

bool carries_data(const DeviceRequest& request) {
  return request.operation == DeviceOperation::read || request.operation == DeviceOperation::write;
}

/// The one piece of memory that all the vectors make, or null where they lie apart.
std::byte* contiguous(std::span<const iovec> vectors) {
  auto* const begin = static_cast<std::byte*>(vectors.front().iov_base);
  std::byte* at = begin;
  for (const iovec& vector : vectors) {
    if (vector.iov_base != at) return nullptr;
    at += vector.iov_len;
  }
  return begin;
}

const char* name_of(DeviceOperation operation) {
  switch (operation) {
    case DeviceOperation::read: return "read";
    case DeviceOperation::write: return "write";
    case DeviceOperation::flush: return "flush";
    case DeviceOperation::unmap: return "trim";
  }
  return "request";
}

const char* yes_or_no(bool value) { return value ? "Yes" : "No"; }

}  // namespace

/// One request on its way, which may take several of NBD's.
struct NbdDevice::Slot {
  explicit Slot(NbdDevice& owner) : device(owner) {
    call.owner = this;
    call.done = &NbdDevice::answered;
  }

  NbdDevice& device;
  NbdCall call;
  DeviceRequest* request = nullptr;
  std::byte* copy = nullptr;    // the memory of a request whose own lies in pieces
  bool flushing = false;        // the second half of a durable write that cannot be forced
  std::uint64_t trimmed = 0;    // bytes of an unmap that are done
  std::uint64_t trimming = 0;   // and those under way
};

struct NbdDevice::Slots {
  Slots(Loop& loop, NbdDevice& device, std::uint32_t depth, std::uint32_t bytes)
      : copies(bytes, depth), answers(loop, depth) {
    for (std::uint32_t i = 0; i < depth; ++i) free.push_back(&all.emplace_back(device));
  }
  std::deque<Slot> all;  // never moves them
  std::vector<Slot*> free;
  BufferPool copies;
  Answers answers;
};

Task<Result<std::unique_ptr<Device>>> NbdDevice::open(Loop& loop, NbdUrl url, Options options) {
  const Instant deadline = clock_now() + options.open_deadline;
  std::vector<std::optional<SocketAddress>> places;
  if (url.socket.empty()) {
    std::string host = url.host;
    Result<std::vector<SocketAddress>> addresses = co_await resolve_all(loop, std::move(host), url.port, deadline);
    if (!addresses) co_return addresses.error();
    places.assign(addresses->begin(), addresses->end());
  } else {
    places.emplace_back();
  }
  for (std::size_t i = 0;; ++i) {
    // Where a name has several addresses, one that swallows everything must not take all the time.
    const Instant now = clock_now();
    const Instant limit = now + (deadline - now) / (places.size() - i);
    std::unique_ptr<NbdDevice> device(new NbdDevice(loop, url, places[i], options));
    Status connected = co_await device->connect(limit);
    if (connected) co_await device->connect_more(deadline);
    if (connected) co_return std::unique_ptr<Device>(std::move(device));
    const ErrorKind kind = connected.error().kind;
    co_await device->close(Duration(0));
    const bool elsewhere = kind == ErrorKind::system || kind == ErrorKind::timed_out;
    if (!elsewhere || i + 1 == places.size()) co_return connected.error();
  }
}

std::uint32_t connections_by_processors() {
  return std::clamp(std::thread::hardware_concurrency() / 2, 1U, 4U);
}

NbdDevice::NbdDevice(Loop& loop, NbdUrl url, std::optional<SocketAddress> address, const Options& options)
    : loop_(loop), url_(std::move(url)), address_(address), options_(options) {}

NbdDevice::~NbdDevice() = default;

Task<Status> NbdDevice::connect(Instant deadline) {
  Result<std::unique_ptr<NbdConnection>> first =
      co_await NbdConnection::open(loop_, url_, address_, options_.depth_max, deadline);
  if (!first) co_return first.error();
  connections_.push_back(std::move(first).value());
  connections_.front()->set_listener(*this);
  facts_ = connections_.front()->facts();
  Status measured = measure();
  if (measured) slots_ = std::make_unique<Slots>(loop_, *this, options_.depth_max, transfer_bytes_max_);
  co_return measured;
}

Status NbdDevice::measure() {
  const auto unusable = [this](std::string why) {
    return Error{ErrorKind::invalid_input, EINVAL, fmt::format("open {}: {}", url_.to_string(), why)};
  };
  block_bytes_ = std::max(sector_bytes, facts_.block_bytes_minimum);
  if ((block_bytes_ & (block_bytes_ - 1)) != 0)
    return unusable(fmt::format("the server wants requests of at least {} bytes, which is no power of two",
                                block_bytes_));
  bytes_ = round_down(facts_.bytes, block_bytes_);
  if (bytes_ == 0) return unusable("the export is empty: it has no room for even one block");
  transfer_bytes_max_ = options_.transfer_bytes_max;
  if (facts_.block_bytes_maximum != 0)
    transfer_bytes_max_ = std::min(transfer_bytes_max_, facts_.block_bytes_maximum);
  const std::uint32_t preferred = facts_.block_bytes_preferred;
  const bool can_prefer = preferred > block_bytes_ && (preferred & (preferred - 1)) == 0 && preferred <= transfer_bytes_max_;
  transfer_bytes_max_ = static_cast<std::uint32_t>(round_down(transfer_bytes_max_, can_prefer ? preferred : block_bytes_));
  if (transfer_bytes_max_ == 0)
    return unusable(fmt::format("the server takes no request of {} bytes", block_bytes_));
  return {};
}

Task<void> NbdDevice::connect_more(Instant deadline) {
  if (!facts_.multi_conn) co_return;
  const std::uint32_t asked = url_.connections != 0 ? url_.connections : options_.connections_max;
  const std::size_t wanted = std::min(asked, options_.depth_max);
  const Instant limit = std::min(deadline, clock_now() + more_connections_patience);
  while (connections_.size() < wanted && fewer_connections_.empty()) {
    Result<std::unique_ptr<NbdConnection>> next =
        co_await NbdConnection::open(loop_, url_, address_, options_.depth_max, limit);
    if (!next) {
      fewer_connections_ = next.error().message;
      co_return;
    }
    const NbdExport& facts = (*next)->facts();
    if (facts.bytes != facts_.bytes || facts.read_only != facts_.read_only) {
      fewer_connections_ = "another connection found another export";
      co_await (*next)->close(Duration(0));
      co_return;
    }
    connections_.push_back(std::move(next).value());
    connections_.back()->set_listener(*this);
  }
}

std::map<std::string, std::string> NbdDevice::negotiated() const {
  const auto bytes_or_nothing = [](std::uint32_t bytes) {
    return bytes == 0 ? std::string("not said") : std::to_string(bytes);
  };
  std::map<std::string, std::string> all = {
      {"engine", facts_.library},
      {"portal", connections_.empty() ? url_.portal() : connections_.front()->portal()},
      {"export", url_.export_name},
      {"protocol", facts_.protocol},
      {"size_bytes", std::to_string(facts_.bytes)},
      {"tls", yes_or_no(facts_.tls)},
      {"structured_replies", yes_or_no(facts_.structured_replies)},
      {"multi_conn", yes_or_no(facts_.multi_conn)},
      {"connections", std::to_string(connections_.size())},
      {"flush", yes_or_no(facts_.flush)},
      {"fua", yes_or_no(facts_.fua)},
      {"trim", yes_or_no(facts_.trim)},
      {"read_only", yes_or_no(facts_.read_only)},
      {"block_bytes_minimum", bytes_or_nothing(facts_.block_bytes_minimum)},
      {"block_bytes_preferred", bytes_or_nothing(facts_.block_bytes_preferred)},
      {"block_bytes_maximum", bytes_or_nothing(facts_.block_bytes_maximum)},
  };
  if (!fewer_connections_.empty()) all["no_more_connections"] = fewer_connections_;
  if (copied_ > 0) all["requests_copied"] = std::to_string(copied_);
  return all;
}

WireUse NbdDevice::wire() const {
  WireUse use;
  for (const auto& connection : connections_) use += connection->wire();
  use.requests = requests_;
  return use;
}

std::size_t NbdDevice::examine(std::span<ConnectionEvidence> into) const {
  const std::size_t count = std::min(into.size(), connections_.size());
  for (std::size_t i = 0; i < count; ++i) {
    into[i] = {};
    connections_[i]->examine(into[i]);
  }
  return count;
}

std::optional<PeerDoor> NbdDevice::door() const {
  return connections_.empty() ? std::nullopt : connections_.front()->door();
}

int NbdDevice::refusal_of(const DeviceRequest& request) const {
  if (abandoned_ || closing_) return ECANCELED;
  for (const auto& connection : connections_)
    if (connection->failed()) return connection->failure().code;
  if (request.operation == DeviceOperation::flush) return 0;
  const bool fits = request.offset <= bytes_ && request.bytes <= bytes_ - request.offset &&
                    request.offset % block_bytes_ == 0 && request.bytes % block_bytes_ == 0 && request.bytes > 0;
  if (!fits || (carries_data(request) && request.bytes > transfer_bytes_max_)) return EINVAL;
  if (request.operation != DeviceOperation::read && facts_.read_only) return EROFS;
  if (request.operation == DeviceOperation::unmap && !facts_.trim) return EOPNOTSUPP;
  return 0;
}

void NbdDevice::submit(DeviceRequest& request) {
  const int refusal = refusal_of(request);
  if (refusal != 0) return slots_->answers.push(request, refusal);
  // A server without a cache has nothing to flush.
  if (request.operation == DeviceOperation::flush && !facts_.flush) return slots_->answers.push(request, 0);
  CHECK(!slots_->free.empty());
  Slot& slot = *slots_->free.back();
  slots_->free.pop_back();
  slot.request = &request;
  slot.flushing = false;
  slot.trimmed = 0;
  send(slot);
}

NbdConnection& NbdDevice::least_busy() {
  std::size_t best = last_used_;
  for (std::size_t i = 1; i <= connections_.size(); ++i) {
    const std::size_t next = (last_used_ + i) % connections_.size();
    if (i == 1 || connections_[next]->outstanding() < connections_[best]->outstanding()) best = next;
  }
  last_used_ = best;
  return *connections_[best];
}

/// Starts the slot's next request of NBD's. One that libnbd refuses is answered all the same.
void NbdDevice::send(Slot& slot) {
  Status started = start(slot);
  if (started) {
    ++requests_;
    return;
  }
  last_error_ = started.error().message;
  DeviceRequest& request = *slot.request;
  free(slot);
  slots_->answers.push(request, started.error().code);
}

Status NbdDevice::start(Slot& slot) {
  const DeviceRequest& request = *slot.request;
  NbdConnection& connection = least_busy();
  if (slot.flushing || request.operation == DeviceOperation::flush) return connection.flush(slot.call);
  if (request.operation == DeviceOperation::unmap) {
    slot.trimming = std::min(request.bytes - slot.trimmed, trim_bytes_max);
    return connection.trim(slot.call, slot.trimming, request.offset + slot.trimmed);
  }
  std::byte* memory = memory_of(slot);
  if (request.operation == DeviceOperation::read)
    return connection.read(slot.call, memory, request.bytes, request.offset);
  return connection.write(slot.call, memory, request.bytes, request.offset, request.durable && facts_.fua);
}

/// libnbd takes one piece of memory a request. Copying several pieces into one costs less than a
/// request for each, and they need not be whole blocks.
std::byte* NbdDevice::memory_of(Slot& slot) {
  const DeviceRequest& request = *slot.request;
  if (std::byte* memory = contiguous(request.vectors); memory != nullptr) return memory;
  ++copied_;
  slot.copy = slots_->copies.take();
  CHECK(slot.copy != nullptr);
  if (request.operation == DeviceOperation::write) {
    std::byte* at = slot.copy;
    for (const iovec& vector : request.vectors) {
      std::memcpy(at, vector.iov_base, vector.iov_len);
      at += vector.iov_len;
    }
  }
  return slot.copy;
}

void NbdDevice::answered(NbdCall& call) {
  Slot& slot = *static_cast<Slot*>(call.owner);
  NbdDevice& device = slot.device;
  if (call.error == 0 && device.goes_on(slot)) return device.send(slot);
  if (call.error != 0 && !device.abandoned_ && !device.lost_)
    device.last_error_ = device.words_for(*slot.request, call.error);
  device.finish(slot, call.error);
}

/// What one request of NBD's has done may be only a part of what was asked for.
bool NbdDevice::goes_on(Slot& slot) {
  const DeviceRequest& request = *slot.request;
  if (request.operation == DeviceOperation::unmap) {
    slot.trimmed += slot.trimming;
    return slot.trimmed < request.bytes;
  }
  const bool still_cached =
      request.operation == DeviceOperation::write && request.durable && !facts_.fua && facts_.flush;
  return still_cached && !std::exchange(slot.flushing, true);
}

void NbdDevice::finish(Slot& slot, int error) {
  DeviceRequest& request = *slot.request;
  if (error == 0 && slot.copy != nullptr && request.operation == DeviceOperation::read) {
    const std::byte* at = slot.copy;
    for (const iovec& vector : request.vectors) {
      std::memcpy(vector.iov_base, at, vector.iov_len);
      at += vector.iov_len;
    }
  }
  free(slot);
  request.error = error;
  request.done(request);
}

void NbdDevice::free(Slot& slot) {
  slot.request = nullptr;
  if (slot.copy != nullptr) slots_->copies.give_back(std::exchange(slot.copy, nullptr));
  slots_->free.push_back(&slot);
}

std::string NbdDevice::words_for(const DeviceRequest& request, int error) const {
  const std::string said = std::generic_category().message(error);
  if (!carries_data(request) && request.operation != DeviceOperation::unmap)
    return fmt::format("the NBD server answered a flush with: {}", said);
  return fmt::format("the NBD server answered a {} of {} bytes at {} with: {}", name_of(request.operation),
                     request.bytes, request.offset, said);
}

/// One connection has gone, and with it what was on its way there: the device is lost.
void NbdDevice::connection_failed(NbdConnection& connection) {
  if (closing_ || abandoned_ || lost_) return;
  lost_ = true;
  const Error why = connection.failure();
  last_error_ = fmt::format("the connection to {} broke: {}", connection.portal(), why.message);
  for (const auto& other : connections_) other->fail(why);
}

void NbdDevice::abandon() {
  abandoned_ = true;
  for (const auto& connection : connections_)
    connection->fail(Error{ErrorKind::cancelled, ECANCELED, "given up by us"});
}

Task<void> NbdDevice::close(Duration deadline) {
  closing_ = true;
  const Instant until = clock_now() + deadline;
  for (const auto& connection : connections_) {
    const Duration left = std::max(Duration(0), until - clock_now());
    co_await connection->close(left);
  }
}

}  // namespace holdfast::initiator
