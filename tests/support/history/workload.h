#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/history/history.h"

namespace holdfast::testing_support {

/// What hosts do to a medium, at random, in commands that cross: READ, WRITE, WRITE ATOMIC, COMPARE
/// AND WRITE, and PREEMPT AND ABORT by host 0, after which the victim registers anew.
struct WorkloadShape {
  int hosts = 5;
  /// The places that are written, from LBA 0 on, each of that many blocks. What is told of them as
  /// blocks of a history are these.
  std::uint32_t cells = 6;
  std::uint32_t cell_blocks = 1;
  std::uint32_t block_bytes = 512;
  std::uint32_t cells_max = 3;  // of one command
  /// No plain WRITE of several blocks, which need not be there as a whole after a crash.
  bool only_atomic = false;
  bool fences = true;
  bool keeps_reservations = false;  // APTPL
  unsigned seed = 1;
};

/// One command as it is to be sent.
struct Ask {
  int ticket = 0;
  std::array<std::uint8_t, 16> cdb{};
  std::vector<std::uint8_t> data_out;
  std::uint32_t data_in_bytes = 0;
};

/// What was answered.
struct Reply {
  std::uint8_t status = 0;
  std::uint8_t sense_key = 0;
  std::uint16_t additional = 0;  // ASC and ASCQ
  std::uint32_t information = 0;
  std::span<const std::uint8_t> data_in;
};

/// Says what hosts do next, and writes down what came of it. It knows no transport.
class Workload {
 public:
  explicit Workload(const WorkloadShape& shape);

  /// What must have been done before the first `next`: by each host, and by host 0 after them.
  Ask registration(int host);
  Ask reservation();
  Ask next(int host);
  /// Of all cells, for the end.
  Ask last_look();

  void answered(int ticket, const Reply& reply);
  /// No answer will come, and nothing of the command can happen from now on.
  void lost(int ticket);
  /// That is so of every command under way: the daemon was killed.
  void crashed();

  /// How many commands of the host may still be answered.
  int in_flight(int host) const;
  /// Those that were aborted for good: their tickets, each told once.
  std::vector<int> take_abandoned() { return std::exchange(abandoned_, {}); }

  const History& history() const { return history_; }
  /// The first answer that no command may have, in words; empty if there is none.
  const std::string& unexpected() const { return unexpected_; }
  /// How many commands of that kind had that result.
  int count(Event::Kind kind, Event::Result result) const;

 private:
  struct Pending {
    Event event;
    bool noted = true;     // in the history
    bool doubtful = false; // it may have been aborted by a fence that was answered since
    std::string what;
  };

  std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }
  std::uint32_t cell_bytes() const { return shape_.cell_blocks * shape_.block_bytes; }
  Ask begin(Event event, Ask ask);
  Ask reserve_out(Event event, std::uint8_t action, std::uint64_t key, std::uint64_t action_key);
  Ask on_cells(Event event);
  void put_cells(std::vector<std::uint8_t>& data, std::uint32_t first, const std::vector<BlockValue>& values) const;
  std::vector<BlockValue> cells_in(std::span<const std::uint8_t> data, std::uint32_t first) const;
  void good(Pending& pending, const Reply& reply);
  void note(Pending& pending, Event::Result result);
  void registered(int host);

  const WorkloadShape shape_;
  std::mt19937 random_;
  std::int64_t clock_ = 0;
  int tickets_ = 0;
  BlockValue last_value_ = 0;
  std::map<int, Pending> pending_;  // by ticket
  std::vector<BlockValue> guess_;   // by cell: what was seen or written last
  std::vector<bool> kept_out_;      // by host, as it knows
  std::vector<int> abandoned_;
  History history_;
  std::string unexpected_;
};

}  // namespace holdfast::testing_support
