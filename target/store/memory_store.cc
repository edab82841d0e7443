#include "target/store/memory_store.h"

#include <cerrno>
#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <sys/mman.h>

#include "common/base/units.h"

namespace holdfast::target {
namespace {

constexpr std::uint64_t page_bytes = 4096;

}  // namespace

Result<std::unique_ptr<MemoryStore>> MemoryStore::create(std::uint64_t size) {
  CHECK(size > 0);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return Error::from_errno(errno, fmt::format("reserve {} bytes of memory for a store", size));
  return std::unique_ptr<MemoryStore>(new MemoryStore(static_cast<std::byte*>(memory), size));
}

void MemoryStore::Touched::mark(std::uint64_t offset, std::uint64_t bytes, bool touched) {
  if (bytes == 0) return;
  for (std::uint64_t page = offset / page_bytes; page <= (offset + bytes - 1) / page_bytes; ++page)
    pages_[page] = touched;
}

void MemoryStore::Touched::map(StoreRequest& request) const {
  request.extents_found = 0;
  const std::uint64_t end = request.offset + request.bytes;
  for (std::uint64_t at = request.offset; at < end;) {
    const bool touched = pages_[at / page_bytes];
    std::uint64_t stop = at;
    while (stop < end && pages_[stop / page_bytes] == touched)
      stop = std::min(end, round_down(stop, page_bytes) + page_bytes);
    if (request.extents_found == request.extents.size()) return;
    request.extents[request.extents_found++] = {
        at, stop - at, touched ? StoreExtentState::mapped : StoreExtentState::deallocated};
    at = stop;
  }
}

MemoryStore::~MemoryStore() {
  ::munmap(memory_, size_);
}

std::string MemoryStore::describe() const {
  return fmt::format("memory, {} bytes", size_);
}

void MemoryStore::start(StoreRequest& request) {
  std::byte* at = memory_ + request.offset;
  switch (request.operation) {
    case StoreOperation::read:
      return move_aside(request);
    case StoreOperation::write:
      // Not aside: of two writes side by side a block may have either one, and never half of each.
      touched_.mark(request.offset, request.length(), true);
      for (const iovec& vector : request.vectors) {
        std::memcpy(at, vector.iov_base, vector.iov_len);
        at += vector.iov_len;
      }
      break;
    case StoreOperation::unmap:
      unmap(request.offset, request.bytes);
      break;
    case StoreOperation::anchor:
      std::memset(at, 0, request.bytes);
      touched_.mark(request.offset, request.bytes, true);
      break;
    case StoreOperation::map:
      touched_.map(request);
      break;
    case StoreOperation::room:
      return finish_later(request, EOPNOTSUPP);
    case StoreOperation::flush:
    case StoreOperation::read_ahead:
      break;
  }
  finish_later(request, 0);
}

Store::Moved MemoryStore::move(StoreRequest& request) {
  const std::byte* at = memory_ + request.offset;
  for (const iovec& vector : request.vectors) {
    std::memcpy(vector.iov_base, at, vector.iov_len);
    at += vector.iov_len;
  }
  return {};
}

void MemoryStore::unmap(std::uint64_t offset, std::uint64_t bytes) {
  // Whole pages go back to the system; what is left of the pages at both ends is overwritten.
  const std::uint64_t end = offset + bytes;
  const std::uint64_t first_page = round_up(offset, page_bytes);
  const std::uint64_t end_page = round_down(end, page_bytes);
  if (first_page >= end_page) {
    std::memset(memory_ + offset, 0, bytes);
    return;
  }
  std::memset(memory_ + offset, 0, first_page - offset);
  std::memset(memory_ + end_page, 0, end - end_page);
  touched_.mark(first_page, end_page - first_page, false);
  CHECK(::madvise(memory_ + first_page, end_page - first_page, MADV_DONTNEED) == 0);
}

}  // namespace holdfast::target
