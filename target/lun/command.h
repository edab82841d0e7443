#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "target/store/store.h"

namespace holdfast::target {

class LogicalUnit;

/// An I_T nexus as logical units know it: one initiator port and one session of it. The session
/// owns it; it outlives every command that names it.
struct Nexus {
  std::string initiator_name;
  std::array<std::uint8_t, 6> isid{};
  std::uint16_t target_portal_group = 1;
  /// A small number that is unique among live nexuses of the daemon, for tables.
  std::uint32_t index = 0;
};

/// Which way a command's data goes and how much of it the CDB asks for.
struct Transfer {
  enum class Direction : std::uint8_t { none, in, out };
  Direction direction = Direction::none;
  std::uint32_t bytes = 0;
};

/// What a command came to.
struct Outcome {
  static constexpr std::size_t sense_bytes_max = 96;

  std::uint8_t status = 0;  // SAM status code: 0 GOOD, 2 CHECK CONDITION, …
  std::uint8_t sense_bytes = 0;
  std::array<std::uint8_t, sense_bytes_max> sense{};
  /// Bytes of data-in that are in the command's memory, from its start.
  std::uint32_t data_in_bytes = 0;
  /// The command was aborted: it has left the medium alone for good, and nothing is to be sent.
  bool aborted = false;
};

/// One SCSI command in its slot, from its CDB to its outcome. The session fills the first part in,
/// the device server the rest; no command costs an allocation.
///
///   begin ── Transfer ──> the session finds memory, collects data-out ──> execute ──> done
///
/// An abort or reset may call `done` at any point after `begin`, also while the session still
/// collects data; `done` is never called from inside `begin`, `execute` or `abort`.
class Command : public Deferred {
 public:
  // From the session.
  Nexus* nexus = nullptr;
  std::array<std::uint8_t, 8> lun{};   // SAM-5 4.6, as in the PDU
  std::array<std::uint8_t, 16> cdb{};
  std::uint8_t attribute = 0;          // 0 untagged, 1 simple, 2 ordered, 3 head of queue, 4 ACA
  /// Memory for `min(Transfer::bytes, expected length)` rounded up to what the session likes; for
  /// data-out its first `data_out_bytes` are filled. The device server may change the entries.
  std::span<iovec> vectors;
  std::uint32_t data_out_bytes = 0;
  /// The session's word back. The command may be used for another one from inside it.
  void (*done)(Command&) = nullptr;
  void* owner = nullptr;

  // From the device server.
  Outcome outcome;

 private:
  friend class LogicalUnit;
  friend class ScsiTarget;
  void run() override;

  enum class State : std::uint8_t { idle, begun, executing, answering };
  State state_ = State::idle;
  bool abort_wanted_ = false;
  LogicalUnit* unit_ = nullptr;
  Command* next_in_set_ = nullptr;
  Command** link_in_set_ = nullptr;
  StoreRequest store_request_;
};

}  // namespace holdfast::target
