#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>

namespace holdfast::initiator {

/// The names of the files that were worked on lately, by number. Memory is bounded: the oldest names
/// go first, and whoever still needs one is told before it goes.
class FileNames {
 public:
  struct Limits {
    std::size_t names = 65'536;
    std::size_t bytes = 16 * 1024 * 1024;
  };
  /// Called with a number and a name that is about to be forgotten.
  using Forgetting = std::function<void(std::uint32_t, const std::string&)>;

  FileNames(const Limits& limits, Forgetting forgetting)
      : limits_(limits), forgetting_(std::move(forgetting)) {}

  /// Keeps `name` and returns its number, which is never 0.
  std::uint32_t add(std::string name);
  /// The name of `number`; empty for 0 and for what is forgotten.
  const std::string& name(std::uint32_t number) const;

 private:
  void forget_oldest();

  Limits limits_;
  Forgetting forgetting_;
  std::deque<std::string> names_;
  std::uint32_t first_ = 1;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::initiator
