#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "target/store/store.h"

namespace holdfast::target {

/// A store in anonymous memory, which the system gives page by page as it is written and gets back
/// with unmap. It is gone with the process, so nothing in it is ever more durable than anything
/// else.
class MemoryStore final : public Store {
 public:
  static Result<std::unique_ptr<MemoryStore>> create(std::uint64_t size);
  ~MemoryStore() override;

  std::uint64_t size() const override { return size_; }
  bool read_only() const override { return false; }
  bool has_volatile_cache() const override { return false; }
  std::uint32_t physical_block_bytes() const override { return 4096; }
  std::string describe() const override;

 private:
  /// Which pages hold something, a bit for each.
  class Touched {
   public:
    explicit Touched(std::uint64_t bytes) : pages_((bytes + 4095) / 4096) {}
    void mark(std::uint64_t offset, std::uint64_t bytes, bool touched);
    void map(StoreRequest& request) const;

   private:
    std::vector<bool> pages_;
  };

  MemoryStore(std::byte* memory, std::uint64_t size)
      : memory_(memory), size_(size), touched_(size) {}
  void start(StoreRequest& request) override;
  Moved move(StoreRequest& request) override;
  void unmap(std::uint64_t offset, std::uint64_t bytes);

  std::byte* const memory_;
  const std::uint64_t size_;
  Touched touched_;
};

}  // namespace holdfast::target
