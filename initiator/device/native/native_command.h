#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/clock.h"
#include "common/iscsi/memory_cursor.h"
#include "common/iscsi/parameters.h"
#include "common/iscsi/pdu.h"
#include "initiator/device/scsi_command.h"

namespace holdfast::initiator {

/// The next Data-Out PDU of a command.
struct DataOut {
  std::uint32_t target_transfer_tag = iscsi::reserved_tag;
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t data_sn = 0;
  bool final = false;
};

/// One SCSI command of the native engine. What may come and go for it by RFC 7143 it knows itself; it does
/// no I/O.
class NativeCommand final : public ScsiCommand {
 public:
  // The data's rules. Each returns what is wrong with the PDU, or nullptr.
  /// Makes it ready to be sent under these keys.
  void begin(const iscsi::Parameters& keys);
  /// How many bytes go with the command itself.
  std::uint32_t immediate_bytes() const { return immediate_; }
  /// Has no more than `most` bytes go with the command.
  void limit_immediate(std::uint32_t most, const iscsi::Parameters& keys);
  /// A Data-In's header. Its segment lands where `landing` is.
  const char* accept(const iscsi::DataInBhs& header);
  const char* accept(const iscsi::R2tBhs& header, const iscsi::Parameters& keys);
  /// A response, or a Data-In with status.
  const char* accept_status(std::uint8_t status, std::uint8_t flags, std::uint32_t residual);
  void accept_sense(std::span<const std::byte> data_segment);
  iscsi::MemoryCursor& landing() { return memory_in_; }

  /// Whether there is data that the target has asked for, or need not ask for.
  bool has_burst() const { return burst_left_ > 0; }
  /// The next PDU of the present burst, of `most` bytes at most.
  DataOut next_data_out(std::uint32_t most);
  iscsi::MemoryCursor& leaving() { return memory_out_; }

  // For the session.
  enum class State : std::uint8_t { idle, waiting, under_way, answered };
  State state = State::idle;
  std::uint32_t initiator_task_tag = iscsi::reserved_tag;
  std::uint32_t cmd_sn = 0;
  Instant sent{};
  std::uint16_t place = 0;  // in the table of tags
  bool with_kernel = false;  // a send refers to its memory
  bool in_line = false;      // for sending data
  NativeCommand* next = nullptr;

  std::uint32_t received() const { return received_; }
  std::uint32_t r2ts() const { return r2t_sn_; }
  /// R2Ts that were granted and are not yet served, and the bytes that they are about.
  std::uint32_t r2ts_open() const;
  std::uint32_t bytes_owed() const { return r2ts_open() == 0 ? 0 : invited_ - offset_; }

 private:
  static constexpr std::size_t bursts_max = 8;
  struct Burst {
    std::uint32_t target_transfer_tag = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
  };
  void start_next_burst();

  // Reading.
  iscsi::MemoryCursor memory_in_;
  std::uint32_t received_ = 0;
  std::uint32_t data_sn_ = 0;

  // Writing.
  iscsi::MemoryCursor memory_out_;
  std::uint32_t immediate_ = 0;
  std::uint32_t offset_ = 0;    // of the next Data-Out
  std::uint32_t invited_ = 0;   // up to here data was sent, or will be without another R2T
  std::uint32_t burst_left_ = 0;
  std::uint32_t burst_tag_ = iscsi::reserved_tag;
  std::uint32_t burst_data_sn_ = 0;
  std::uint32_t r2t_sn_ = 0;
  std::array<Burst, bursts_max> bursts_;  // invitations that wait for those before them
  std::size_t first_burst_ = 0;
  std::size_t bursts_waiting_ = 0;

 public:
  /// What we may offer as MaxOutstandingR2T.
  static constexpr std::uint32_t outstanding_r2t_max = bursts_max;
};

}  // namespace holdfast::initiator
