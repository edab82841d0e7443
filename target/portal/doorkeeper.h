#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace holdfast::target {

/// How many connections may have no session yet, in all and from one source address, so that a
/// flood of them takes neither our memory nor our descriptors. When there is no room the oldest
/// connection of the source that has most goes, never the new one: a login takes milliseconds, so
/// who is old has nothing to say, and who is new is let in however many others sit in the doorway.
/// Pure.
class Doorkeeper {
 public:
  struct Limits {
    std::size_t waiting_max = 512;
    std::size_t waiting_per_source_max = 128;
  };
  /// Names a connection; the older, the smaller.
  using Ticket = std::uint64_t;

  Doorkeeper() : Doorkeeper(Limits{}) {}
  explicit Doorkeeper(const Limits& limits) : limits_(limits) {}

  struct Entry {
    Ticket ticket = 0;
    /// The connection that must go for it: it is counted no more.
    std::optional<Ticket> evicted;
  };
  Entry enter(const std::string& source);
  /// Evicts the oldest of the source that has most, if there is any.
  std::optional<Ticket> evict_oldest();
  /// It has a session now, or has ended. An evicted one may still say so.
  void leave(Ticket ticket);

  std::size_t waiting() const { return sources_.size(); }

 private:
  const Limits limits_;
  Ticket last_ticket_ = 0;
  std::map<Ticket, std::string> sources_;
  std::map<std::string, std::set<Ticket>> by_source_;
};

}  // namespace holdfast::target
