#include "target/store/memory_store.h"

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
      for (const iovec& vector : request.vectors) {
        std::memcpy(vector.iov_base, at, vector.iov_len);
        at += vector.iov_len;
      }
      break;
    case StoreOperation::write:
      for (const iovec& vector : request.vectors) {
        std::memcpy(at, vector.iov_base, vector.iov_len);
        at += vector.iov_len;
      }
      break;
    case StoreOperation::unmap:
      unmap(request.offset, request.bytes);
      break;
    case StoreOperation::flush:
      break;
  }
  finish_later(request, 0);
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
  CHECK(::madvise(memory_ + first_page, end_page - first_page, MADV_DONTNEED) == 0);
}

}  // namespace holdfast::target
