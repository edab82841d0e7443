#pragma once

#include "target/store/store.h"

namespace holdfast::target {

/// A store of nothing: reads are zeros, writes are taken and forgotten. It shows what everything
/// around the medium costs.
class NullStore final : public Store {
 public:
  explicit NullStore(std::uint64_t size) : size_(size) {}

  std::uint64_t size() const override { return size_; }
  bool read_only() const override { return false; }
  bool has_volatile_cache() const override { return false; }
  std::uint32_t physical_block_bytes() const override { return 512; }
  std::string describe() const override;

 private:
  void start(StoreRequest& request) override;

  std::uint64_t size_;
};

}  // namespace holdfast::target
