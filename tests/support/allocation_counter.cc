// Counts a program's allocations from outside: loaded before it (LD_PRELOAD), it adds one to the number
// in the file named by $ALLOCATION_COUNTER for every malloc, calloc, realloc and memalign. The file is
// mapped, so whoever else maps or reads it sees the count as it grows.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
// glibc's own names for what is replaced here.
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* old, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
}

namespace {

std::atomic<std::uint64_t> before_the_file{0};
std::atomic<std::atomic<std::uint64_t>*> counter{&before_the_file};

__attribute__((constructor)) void map_the_counter() {
  const char* path = std::getenv("ALLOCATION_COUNTER");
  if (path == nullptr) return;
  const int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0 || ::ftruncate(fd, sizeof(std::uint64_t)) != 0) return;
  void* mapped = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (mapped != MAP_FAILED) counter = static_cast<std::atomic<std::uint64_t>*>(mapped);
}

void count() { counter.load(std::memory_order_relaxed)->fetch_add(1, std::memory_order_relaxed); }

}  // namespace

extern "C" {

void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}

void* calloc(std::size_t number, std::size_t bytes) {
  count();
  return __libc_calloc(number, bytes);
}

void* realloc(void* old, std::size_t bytes) {
  count();
  return __libc_realloc(old, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}

}
