#include "initiator/tree/write_back_cache.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/write_back_request.h"

namespace holdfast::initiator {
namespace {

/// Data that has gathered this far is sent without being asked for.
constexpr std::uint64_t background_bytes_most = 4 * MiB;

std::uint32_t slots_for(const WriteBackCacheOptions& options) {
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(64, options.metadata_bytes_max / options.block_bytes));
}

std::size_t slabs_for(const WriteBackCacheOptions& options) {
  return static_cast<std::size_t>(
      std::max<std::uint64_t>(2, options.dirty_bytes_max / WriteBackCache::slab_bytes));
}

}  // namespace

WriteBackCache::WriteBackCache(Device& device, Fiber& fiber, const WriteBackCacheOptions& options)
    : device_(device),
      fiber_(fiber),
      block_bytes_(options.block_bytes),
      blocks_(device.size() / options.block_bytes),
      transfer_bytes_(static_cast<std::uint32_t>(std::max<std::uint64_t>(
          options.block_bytes, round_down(std::min(device.transfer_bytes_max(), request_bytes_max),
                                          options.block_bytes)))),
      background_bytes_(std::min(background_bytes_most, options.dirty_bytes_max / 8)),
      blank_(options.blank),
      table_(options.block_bytes, slots_for(options)),
      written_(options.blank ? blocks_ : 0),
      slab_pool_(slab_bytes, slabs_for(options)),
      unwritten_(blocks_) {
  slabs_.resize(slab_pool_.buffers_max());
  const std::uint32_t depth = std::clamp<std::uint32_t>(device.depth_max(), 1, requests_max);
  for (std::uint32_t i = 0; i < depth; ++i) {
    requests_.push_back(std::make_unique<Request>());
    requests_.back()->cache = this;
    release(*requests_.back());
  }
}

WriteBackCache::~WriteBackCache() {
  CHECK(in_flight_ == 0);
  for (Slab& slab : slabs_)
    if (slab.memory != nullptr) slab_pool_.give_back(slab.memory);
}

// Requests.

WriteBackCache::Request* WriteBackCache::take_request() {
  Request* request = free_;
  if (request == nullptr) return nullptr;
  free_ = request->next_free;
  request->count = 0;
  request->answered = false;
  return request;
}

Task<WriteBackCache::Request*> WriteBackCache::take_request_or_wait() {
  ++readers_waiting_;
  Request* request = take_request();
  while (request == nullptr && !failure_) {
    co_await progress_.wait();
    request = take_request();
  }
  --readers_waiting_;
  if (request == nullptr) pump();
  co_return request;
}

void WriteBackCache::release(Request& request) {
  request.next_free = free_;
  free_ = &request;
}

void WriteBackCache::submit(Request& request, DeviceOperation operation, std::uint64_t offset,
                            std::uint64_t bytes, std::uint32_t file) {
  request.device = DeviceRequest{};
  request.device.operation = operation;
  request.device.offset = offset;
  request.device.bytes = bytes;
  request.device.vectors = std::span(request.vectors).first(request.count);
  request.device.file = file;
  request.device.done = &WriteBackCache::on_done;
  request.device.owner = &request;
  if (operation == DeviceOperation::read) writers_turn_ = true;
  ++in_flight_;
  device_.submit(request.device);
}

void WriteBackCache::on_done(DeviceRequest& device_request) {
  auto* request = static_cast<Request*>(device_request.owner);
  request->cache->finished(*request);
}

void WriteBackCache::finished(Request& request) {
  --in_flight_;
  const bool failed = request.device.error != 0;
  const bool is_read = request.kind == Kind::metadata_read || request.kind == Kind::data_read;
  // A sector that cannot be read is one file's misfortune; a lost write or a session that was given
  // up is everybody's.
  if (failed && (!is_read || request.device.error == ECANCELED)) fail(request);
  request.answered = true;
  switch (request.kind) {
    case Kind::data:
      data_written(request);
      release(request);
      break;
    case Kind::metadata:
      for (std::size_t i = 0; i < request.count; ++i)
        table_.set_busy(request.items[i].owner, false);
      metadata_unwritten_ -= request.count;
      release(request);
      break;
    case Kind::data_read: {
      ReadJoin& join = *request.join;
      if (failed && !join.error) join.error = describe(request);
      if (!failed && !request.tail.empty())
        std::memcpy(request.tail.data(), request.bounce.data(), request.tail.size());
      if (--join.left == 0) join.done.set();
      release(request);
      break;
    }
    case Kind::metadata_read:
    case Kind::flush:
      break;  // Whoever waits for it looks at the answer and releases it.
  }
  pump();
  progressed();
}

void WriteBackCache::pump() {
  while (!failure_ && free_ != nullptr) {
    // Somebody waits for what is read, and only the bound waits for what is written: so readers
    // come first, but take turns with writers, lest many of them keep the writers out for good.
    if (readers_waiting_ > 0 && !writers_turn_) return;
    Request* request = take_request();
    if (send_from(metadata_queue_, Kind::metadata, *request)) continue;
    if (data_queue_.batch_exhausted() && data_queue_.gathered_bytes() > 0 &&
        (data_wanted_ || data_queue_.gathered_bytes() >= background_bytes_)) {
      data_wanted_ = false;
      data_queue_.begin_batch();
    }
    if (send_from(data_queue_, Kind::data, *request)) continue;
    release(*request);
    return;
  }
}

bool WriteBackCache::send_from(WriteQueue& queue, Kind kind, Request& request) {
  const std::size_t count = queue.take_run(transfer_bytes_, request.items);
  if (count == 0) return false;
  request.kind = kind;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    request.add_vector(request.items[i].memory, request.items[i].bytes);
    bytes += request.items[i].bytes;
  }
  unflushed_ = true;
  writers_turn_ = false;
  submit(request, DeviceOperation::write, request.items[0].offset, bytes, request.items[0].file);
  return true;
}

Error WriteBackCache::describe(const Request& request) const {
  const char* verb = request.device.operation == DeviceOperation::flush  ? "flush"
                     : request.device.operation == DeviceOperation::read ? "read"
                                                                         : "write";
  std::string doing = verb;
  if (request.device.operation != DeviceOperation::flush)
    doing = fmt::format("{} {} bytes at byte {} of the device", verb, request.device.bytes,
                        request.device.offset);
  Error error = Error::from_errno(request.device.error, std::move(doing));
  const std::string words = device_.last_error();
  if (!words.empty()) error.message += " (" + words + ")";
  return error;
}

void WriteBackCache::fail(const Request& request) {
  if (failure_) return;
  failure_ = describe(request);
  // What has gathered will not be sent; what is in flight comes back by itself.
  data_queue_.clear();
  metadata_queue_.clear();
}

void WriteBackCache::progressed() {
  progress_.pulse();
  fiber_.wake();
}

// Writing back, in the order of the kernel.

Task<Status> WriteBackCache::sync() {
  while (syncing_) co_await progress_.wait();
  syncing_ = true;
  co_await write_data_out();
  co_await write_metadata_out();
  co_await flush_device();
  syncing_ = false;
  progressed();
  if (failure_) co_return *failure_;
  co_return Status();
}

Task<void> WriteBackCache::write_data_out() {
  // What comes from now on belongs to the other epoch, so a steady writer cannot keep us here.
  const std::uint32_t ending = epoch_;
  epoch_ ^= 1U;
  data_wanted_ = data_queue_.gathered_bytes() > 0;
  pump();
  while (data_unwritten_[ending] > 0 && !failure_) co_await progress_.wait();
}

Task<void> WriteBackCache::write_metadata_out() {
  while (!metadata_queue_.empty() && !failure_) co_await progress_.wait();
  if (failure_) co_return;
  gather_metadata();
  while (metadata_unwritten_ > 0 && !failure_) co_await progress_.wait();
}

Task<void> WriteBackCache::flush_device() {
  if (failure_ || !unflushed_) co_return;
  Request* request = co_await take_request_or_wait();
  if (request == nullptr) co_return;
  unflushed_ = false;
  request->kind = Kind::flush;
  submit(*request, DeviceOperation::flush, 0, 0, 0);
  while (!request->answered) co_await progress_.wait();
  release(*request);
  pump();
}

}  // namespace holdfast::initiator
