#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace holdfast::target {

/// How many connections may be between accept and the end of their login, in all and from one
/// source address, so that a flood of half-open logins takes neither our memory nor our descriptors,
/// and one source cannot keep the others out. Pure.
class Doorkeeper {
 public:
  struct Limits {
    std::size_t half_open_max = 512;
    std::size_t half_open_per_source_max = 128;
  };

  Doorkeeper() : Doorkeeper(Limits{}) {}
  explicit Doorkeeper(const Limits& limits) : limits_(limits) {}

  /// Counts a new connection from `source`, or refuses it.
  bool enter(const std::string& source);
  /// Its login has ended, one way or the other.
  void leave(const std::string& source);

  std::size_t half_open() const { return half_open_; }

 private:
  const Limits limits_;
  std::size_t half_open_ = 0;
  std::map<std::string, std::size_t> by_source_;
};

}  // namespace holdfast::target
