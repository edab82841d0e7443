#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/base/units.h"
#include "target/lun/command.h"
#include "target/lun/limits.h"
#include "target/session/data_in.h"
#include "target/session/data_memory.h"
#include "target/session/flight_recorder.h"
#include "target/session/sender.h"
#include "target/session/write_gather.h"

namespace holdfast::target {

class CommandSet;

/// A SCSI command of a session's, from its PDU to its last response. Slots are made when they are
/// first needed, up to a bound, and used again and again.
class Slot final : public Outgoing {
 public:
  static constexpr std::size_t chunks_max = transfer_bytes_max / DataMemory::chunk_bytes;

  enum class Stage : std::uint8_t {
    free,
    gathering,  // it waits for memory, or for data
    executing,  // the device server has it
    answering,  // its data and status are in the sender's line
    leaving,    // aborted, but a PDU of the peer's is still landing in its memory
  };

  explicit Slot(CommandSet& set) : set_(set) { command.owner = this; }

  Command command;
  Stage stage = Stage::free;
  std::uint32_t tag = 0;       // Initiator Task Tag
  std::uint32_t cmd_sn = 0;
  std::uint32_t stat_sn = 0;   // of its response, when that has been cut
  std::uint32_t expected = 0;  // Expected Data Transfer Length
  bool reads = false;
  bool writes = false;
  bool immediate = false;      // not counted in the command window
  bool begun = false;          // the device server knows it
  bool aborting = false;       // and has been asked to give it up
  bool spoiled = false;        // a data digest was wrong
  bool failed = false;         // by us, with `failure`, whatever the device server says
  bool landing = false;        // the receiver is putting data into its memory
  bool retired = false;        // its last PDU is in a batch; the tag is the peer's to use again
  Outcome failure;
  Transfer transfer;           // what the CDB asks for
  WriteGather gather;
  DataInCutter data_in;
  Residual residual;
  std::uint32_t moved = 0;     // bytes of data, as the answer has it
  std::unique_ptr<TcpSample> overdue;  // its connection when it had taken longer than it should
  Slot* next_waiting = nullptr;  // in the session's line for memory
  bool waiting = false;

  /// How much of the peer's data, or room for ours, the command makes use of.
  std::uint32_t wanted() const;
  std::size_t chunks_wanted() const {
    return (wanted() + DataMemory::chunk_bytes - 1) / DataMemory::chunk_bytes;
  }
  /// ABORT TASK, also from another connection.
  void abort();
  const Outcome& outcome() const { return failed ? failure : command.outcome; }
  /// Its memory from `offset` on, until this is asked again.
  iscsi::MemoryCursor& place_at(std::uint32_t offset);

 private:
  friend class CommandSet;
  Fill fill(iscsi::Batch& batch, Numbers& numbers) override;
  void released() override;
  std::span<iovec> name_chunks();
  Fill fill_requests(iscsi::Batch& batch, Numbers& numbers);
  Fill fill_answer(iscsi::Batch& batch, Numbers& numbers);
  void add_data_in(iscsi::Batch& batch, Numbers& numbers);
  void add_response(iscsi::Batch& batch, Numbers& numbers);

  CommandSet& set_;
  // The first `uninvited_count_` chunks are of the memory for uninvited data.
  std::array<std::byte*, chunks_max> chunks_{};
  std::array<iovec, chunks_max> vectors_;  // the chunks, when they are in use
  iscsi::MemoryCursor place_;
  std::size_t chunk_count_ = 0;
  std::size_t uninvited_count_ = 0;
  be16 sense_length_;
};

}  // namespace holdfast::target
