#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace holdfast::initiator {

/// A list for people: it keeps the first `kept_max` items and counts the rest, so that a million
/// unreadable files cost no more memory than a thousand.
template <typename T>
class BoundedList {
 public:
  static constexpr std::size_t kept_max = 1000;

  void add(T item) {
    if (kept_.size() < kept_max) kept_.push_back(std::move(item));
    ++count_;
  }
  void add_all(const BoundedList& others) {
    const std::uint64_t count_before = count_;
    for (const T& item : others.kept_) add(item);
    count_ = count_before + others.count_;
  }
  const std::vector<T>& kept() const { return kept_; }
  /// Of all that were added, kept or not.
  std::uint64_t count() const { return count_; }
  bool empty() const { return count_ == 0; }

 private:
  std::vector<T> kept_;
  std::uint64_t count_ = 0;
};

}  // namespace holdfast::initiator
