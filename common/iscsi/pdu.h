#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "common/base/endian.h"
#include "common/iscsi/codes.h"

// Every PDU of RFC 7143 section 11 as a picture of its Basic Header Segment: 48 bytes, all members
// of alignment 1, in the order of the page. They are copied from and to bytes, never laid over
// them. Reserved bytes are zero when we send and not looked at when we receive (section 11.1).

namespace holdfast::iscsi {

inline constexpr std::size_t bhs_bytes = 48;
using HeaderBytes = std::array<std::byte, bhs_bytes>;
using LunBytes = std::array<std::uint8_t, 8>;  // SAM-5 section 4.6
using Isid = std::array<std::uint8_t, 6>;      // section 11.12.5

/// The first byte of every PDU: the opcode and, in requests, the immediate bit.
class OpcodeByte {
 public:
  static constexpr std::uint8_t immediate_bit = 0x40;

  constexpr OpcodeByte(Opcode opcode, bool immediate = false)  // NOLINT: assigned like an Opcode.
      : byte_(static_cast<std::uint8_t>(static_cast<std::uint8_t>(opcode) |
                                        (immediate ? immediate_bit : 0))) {}

  constexpr Opcode opcode() const { return static_cast<Opcode>(byte_ & 0x3f); }
  constexpr bool immediate() const { return (byte_ & immediate_bit) != 0; }
  constexpr std::uint8_t byte() const { return byte_; }

 private:
  std::uint8_t byte_;
};

/// The bit that ends a sequence, in byte 1 of most PDUs; always set where a PDU has no sequence.
inline constexpr std::uint8_t final_bit = 0x80;
/// In byte 1 of Text and Login PDUs: the key=value list goes on in the next PDU.
inline constexpr std::uint8_t continue_bit = 0x40;

/// What every header has in common (section 11.2.1).
struct GenericBhs {
  OpcodeByte opcode = Opcode::nop_out;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 2> specific_2{};
  std::uint8_t ahs_words = 0;  // TotalAHSLength, in four-byte words
  be24 data_segment_bytes{};   // without padding
  LunBytes lun{};              // or opcode-specific
  be32 initiator_task_tag{};
  std::array<std::uint8_t, 28> specific_20{};
};
static_assert(offsetof(GenericBhs, ahs_words) == 4 &&
              offsetof(GenericBhs, data_segment_bytes) == 5);
static_assert(offsetof(GenericBhs, lun) == 8 && offsetof(GenericBhs, initiator_task_tag) == 16);

/// Section 11.3.
struct ScsiCommandBhs {
  static constexpr std::uint8_t read_bit = 0x40;
  static constexpr std::uint8_t write_bit = 0x20;
  static constexpr std::uint8_t attribute_mask = 0x07;  // TaskAttribute

  OpcodeByte opcode = Opcode::scsi_command;
  std::uint8_t flags = final_bit;
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 expected_data_transfer_length{};
  be32 cmd_sn{};
  be32 exp_stat_sn{};
  std::array<std::uint8_t, 16> cdb{};
};
static_assert(offsetof(ScsiCommandBhs, expected_data_transfer_length) == 20);
static_assert(offsetof(ScsiCommandBhs, cmd_sn) == 24 &&
              offsetof(ScsiCommandBhs, exp_stat_sn) == 28);
static_assert(offsetof(ScsiCommandBhs, cdb) == 32);

/// Section 11.4.
struct ScsiResponseBhs {
  static constexpr std::uint8_t bidirectional_overflow_bit = 0x10;
  static constexpr std::uint8_t bidirectional_underflow_bit = 0x08;
  static constexpr std::uint8_t overflow_bit = 0x04;
  static constexpr std::uint8_t underflow_bit = 0x02;

  OpcodeByte opcode = Opcode::scsi_response;
  std::uint8_t flags = final_bit;
  ScsiResponseCode response = ScsiResponseCode::command_completed;
  std::uint8_t status = 0;  // SAM-5
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};  // SenseLength (two bytes) and the sense data
  std::array<std::uint8_t, 8> reserved_8{};
  be32 initiator_task_tag{};
  be32 snack_tag{};
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  be32 exp_data_sn{};
  be32 bidirectional_read_residual_count{};
  be32 residual_count{};
};
static_assert(offsetof(ScsiResponseBhs, response) == 2 && offsetof(ScsiResponseBhs, status) == 3);
static_assert(offsetof(ScsiResponseBhs, snack_tag) == 20 &&
              offsetof(ScsiResponseBhs, stat_sn) == 24);
static_assert(offsetof(ScsiResponseBhs, exp_data_sn) == 36);
static_assert(offsetof(ScsiResponseBhs, residual_count) == 44);

/// Section 11.5.
struct TaskManagementRequestBhs {
  static constexpr std::uint8_t function_mask = 0x7f;

  OpcodeByte opcode{Opcode::task_management_request, true};
  std::uint8_t flags = final_bit;  // and the TaskManagementFunction
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 referenced_task_tag = reserved_tag;
  be32 cmd_sn{};
  be32 exp_stat_sn{};
  be32 ref_cmd_sn{};
  be32 exp_data_sn{};
  std::array<std::uint8_t, 8> reserved_40{};

  TaskManagementFunction function() const {
    return static_cast<TaskManagementFunction>(flags & function_mask);
  }
};
static_assert(offsetof(TaskManagementRequestBhs, referenced_task_tag) == 20);
static_assert(offsetof(TaskManagementRequestBhs, cmd_sn) == 24);
static_assert(offsetof(TaskManagementRequestBhs, ref_cmd_sn) == 32);
static_assert(offsetof(TaskManagementRequestBhs, exp_data_sn) == 36);

/// Section 11.6.
struct TaskManagementResponseBhs {
  OpcodeByte opcode = Opcode::task_management_response;
  std::uint8_t flags = final_bit;
  TaskManagementResponseCode response = TaskManagementResponseCode::function_complete;
  std::uint8_t reserved_3 = 0;
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  std::array<std::uint8_t, 8> reserved_8{};
  be32 initiator_task_tag{};
  be32 reserved_20{};
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  std::array<std::uint8_t, 12> reserved_36{};
};
static_assert(offsetof(TaskManagementResponseBhs, response) == 2);
static_assert(offsetof(TaskManagementResponseBhs, stat_sn) == 24);
static_assert(offsetof(TaskManagementResponseBhs, max_cmd_sn) == 32);

/// Section 11.7, SCSI Data-Out.
struct DataOutBhs {
  OpcodeByte opcode = Opcode::data_out;
  std::uint8_t flags = 0;  // final_bit: the last PDU of its sequence
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 target_transfer_tag = reserved_tag;  // the R2T's, or reserved for unsolicited data
  be32 reserved_24{};
  be32 exp_stat_sn{};
  be32 reserved_32{};
  be32 data_sn{};
  be32 buffer_offset{};
  be32 reserved_44{};
};
static_assert(offsetof(DataOutBhs, target_transfer_tag) == 20);
static_assert(offsetof(DataOutBhs, exp_stat_sn) == 28 && offsetof(DataOutBhs, data_sn) == 36);
static_assert(offsetof(DataOutBhs, buffer_offset) == 40);

/// Section 11.7, SCSI Data-In.
struct DataInBhs {
  static constexpr std::uint8_t acknowledge_bit = 0x40;
  static constexpr std::uint8_t overflow_bit = 0x04;
  static constexpr std::uint8_t underflow_bit = 0x02;
  static constexpr std::uint8_t status_bit = 0x01;  // status, StatSN and the residual are valid

  OpcodeByte opcode = Opcode::data_in;
  std::uint8_t flags = 0;
  std::uint8_t reserved_2 = 0;
  std::uint8_t status = 0;
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 target_transfer_tag = reserved_tag;
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  be32 data_sn{};
  be32 buffer_offset{};
  be32 residual_count{};
};
static_assert(offsetof(DataInBhs, status) == 3 && offsetof(DataInBhs, target_transfer_tag) == 20);
static_assert(offsetof(DataInBhs, stat_sn) == 24 && offsetof(DataInBhs, data_sn) == 36);
static_assert(offsetof(DataInBhs, buffer_offset) == 40 &&
              offsetof(DataInBhs, residual_count) == 44);

/// Section 11.8.
struct R2tBhs {
  OpcodeByte opcode = Opcode::r2t;
  std::uint8_t flags = final_bit;
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};  // always 0
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 target_transfer_tag{};
  be32 stat_sn{};  // the next one; an R2T takes none
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  be32 r2t_sn{};
  be32 buffer_offset{};
  be32 desired_data_transfer_length{};
};
static_assert(offsetof(R2tBhs, target_transfer_tag) == 20 && offsetof(R2tBhs, stat_sn) == 24);
static_assert(offsetof(R2tBhs, r2t_sn) == 36 && offsetof(R2tBhs, buffer_offset) == 40);
static_assert(offsetof(R2tBhs, desired_data_transfer_length) == 44);

/// Section 11.9.
struct AsyncMessageBhs {
  OpcodeByte opcode = Opcode::async_message;
  std::uint8_t flags = final_bit;
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 reserved_16 = reserved_tag;
  be32 reserved_20{};
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  AsyncEvent event = AsyncEvent::scsi;
  std::uint8_t vendor_code = 0;
  be16 parameter1{};
  be16 parameter2{};
  be16 parameter3{};
  be32 reserved_44{};
};
static_assert(offsetof(AsyncMessageBhs, stat_sn) == 24 && offsetof(AsyncMessageBhs, event) == 36);
static_assert(offsetof(AsyncMessageBhs, parameter1) == 38 &&
              offsetof(AsyncMessageBhs, parameter3) == 42);

/// Section 11.10.
struct TextRequestBhs {
  OpcodeByte opcode = Opcode::text_request;
  std::uint8_t flags = final_bit;  // and continue_bit
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 target_transfer_tag = reserved_tag;
  be32 cmd_sn{};
  be32 exp_stat_sn{};
  std::array<std::uint8_t, 16> reserved_32{};
};
static_assert(offsetof(TextRequestBhs, target_transfer_tag) == 20);
static_assert(offsetof(TextRequestBhs, cmd_sn) == 24 &&
              offsetof(TextRequestBhs, exp_stat_sn) == 28);

/// Section 11.11.
struct TextResponseBhs {
  OpcodeByte opcode = Opcode::text_response;
  std::uint8_t flags = final_bit;  // and continue_bit
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 target_transfer_tag = reserved_tag;
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  std::array<std::uint8_t, 12> reserved_36{};
};
static_assert(offsetof(TextResponseBhs, target_transfer_tag) == 20);
static_assert(offsetof(TextResponseBhs, stat_sn) == 24 &&
              offsetof(TextResponseBhs, max_cmd_sn) == 32);

/// Byte 1 of Login PDUs (sections 11.12.1 to 11.12.3): T, C, CSG and NSG.
struct LoginFlags {
  static constexpr std::uint8_t transit_bit = 0x80;

  std::uint8_t byte = 0;

  static constexpr LoginFlags make(bool transit, bool continues, LoginStage current,
                                   LoginStage next) {
    return {static_cast<std::uint8_t>((transit ? transit_bit : 0) | (continues ? continue_bit : 0) |
                                      static_cast<unsigned>(current) << 2 |
                                      static_cast<unsigned>(next))};
  }
  constexpr bool transit() const { return (byte & transit_bit) != 0; }
  constexpr bool continues() const { return (byte & continue_bit) != 0; }
  constexpr LoginStage current_stage() const { return static_cast<LoginStage>(byte >> 2 & 3); }
  constexpr LoginStage next_stage() const { return static_cast<LoginStage>(byte & 3); }
};

/// Section 11.12.
struct LoginRequestBhs {
  OpcodeByte opcode{Opcode::login_request, true};
  LoginFlags flags{};
  std::uint8_t version_max = 0;
  std::uint8_t version_min = 0;
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  Isid isid{};
  be16 tsih{};
  be32 initiator_task_tag{};
  be16 cid{};
  be16 reserved_22{};
  be32 cmd_sn{};
  be32 exp_stat_sn{};
  std::array<std::uint8_t, 16> reserved_32{};
};
static_assert(offsetof(LoginRequestBhs, version_max) == 2 && offsetof(LoginRequestBhs, isid) == 8);
static_assert(offsetof(LoginRequestBhs, tsih) == 14 && offsetof(LoginRequestBhs, cid) == 20);
static_assert(offsetof(LoginRequestBhs, cmd_sn) == 24 &&
              offsetof(LoginRequestBhs, exp_stat_sn) == 28);

/// Section 11.13.
struct LoginResponseBhs {
  OpcodeByte opcode = Opcode::login_response;
  LoginFlags flags{};
  std::uint8_t version_max = 0;
  std::uint8_t version_active = 0;
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  Isid isid{};
  be16 tsih{};
  be32 initiator_task_tag{};
  be32 reserved_20{};
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  be16 status{};  // LoginStatus: Status-Class, Status-Detail
  std::array<std::uint8_t, 10> reserved_38{};

  LoginStatus login_status() const { return static_cast<LoginStatus>(status.value()); }
};
static_assert(offsetof(LoginResponseBhs, version_active) == 3 &&
              offsetof(LoginResponseBhs, tsih) == 14);
static_assert(offsetof(LoginResponseBhs, stat_sn) == 24 &&
              offsetof(LoginResponseBhs, status) == 36);

/// Section 11.14.
struct LogoutRequestBhs {
  static constexpr std::uint8_t reason_mask = 0x7f;

  OpcodeByte opcode{Opcode::logout_request, true};
  std::uint8_t flags = final_bit;  // and the LogoutReason
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  std::array<std::uint8_t, 8> reserved_8{};
  be32 initiator_task_tag{};
  be16 cid{};
  be16 reserved_22{};
  be32 cmd_sn{};
  be32 exp_stat_sn{};
  std::array<std::uint8_t, 16> reserved_32{};

  LogoutReason reason() const { return static_cast<LogoutReason>(flags & reason_mask); }
};
static_assert(offsetof(LogoutRequestBhs, cid) == 20 && offsetof(LogoutRequestBhs, cmd_sn) == 24);

/// Section 11.15.
struct LogoutResponseBhs {
  OpcodeByte opcode = Opcode::logout_response;
  std::uint8_t flags = final_bit;
  LogoutResponseCode response = LogoutResponseCode::closed;
  std::uint8_t reserved_3 = 0;
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  std::array<std::uint8_t, 8> reserved_8{};
  be32 initiator_task_tag{};
  be32 reserved_20{};
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  be32 reserved_36{};
  be16 time2wait{};    // seconds
  be16 time2retain{};  // seconds
  be32 reserved_44{};
};
static_assert(offsetof(LogoutResponseBhs, response) == 2 &&
              offsetof(LogoutResponseBhs, stat_sn) == 24);
static_assert(offsetof(LogoutResponseBhs, time2wait) == 40);

/// Section 11.16.
struct SnackRequestBhs {
  static constexpr std::uint8_t type_mask = 0x0f;

  OpcodeByte opcode = Opcode::snack_request;
  std::uint8_t flags = final_bit;  // and the SnackType
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag{};
  be32 target_transfer_tag = reserved_tag;  // or the SNACK Tag
  be32 reserved_24{};
  be32 exp_stat_sn{};
  std::array<std::uint8_t, 8> reserved_32{};
  be32 beg_run{};
  be32 run_length{};

  SnackType type() const { return static_cast<SnackType>(flags & type_mask); }
};
static_assert(offsetof(SnackRequestBhs, exp_stat_sn) == 28 &&
              offsetof(SnackRequestBhs, beg_run) == 40);

/// Section 11.17. The data segment is the header of the PDU that is rejected.
struct RejectBhs {
  OpcodeByte opcode = Opcode::reject;
  std::uint8_t flags = final_bit;
  RejectReason reason = RejectReason::protocol_error;
  std::uint8_t reserved_3 = 0;
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  std::array<std::uint8_t, 8> reserved_8{};
  be32 reserved_16 = reserved_tag;
  be32 reserved_20{};
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  be32 data_sn{};  // or R2TSN
  std::array<std::uint8_t, 8> reserved_40{};
};
static_assert(offsetof(RejectBhs, reason) == 2 && offsetof(RejectBhs, stat_sn) == 24);
static_assert(offsetof(RejectBhs, data_sn) == 36);

/// Section 11.18.
struct NopOutBhs {
  OpcodeByte opcode = Opcode::nop_out;
  std::uint8_t flags = final_bit;
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag = reserved_tag;
  be32 target_transfer_tag = reserved_tag;
  be32 cmd_sn{};
  be32 exp_stat_sn{};
  std::array<std::uint8_t, 16> reserved_32{};
};
static_assert(offsetof(NopOutBhs, target_transfer_tag) == 20 && offsetof(NopOutBhs, cmd_sn) == 24);
static_assert(offsetof(NopOutBhs, exp_stat_sn) == 28);

/// Section 11.19.
struct NopInBhs {
  OpcodeByte opcode = Opcode::nop_in;
  std::uint8_t flags = final_bit;
  std::array<std::uint8_t, 2> reserved_2{};
  std::uint8_t ahs_words = 0;
  be24 data_segment_bytes{};
  LunBytes lun{};
  be32 initiator_task_tag = reserved_tag;
  be32 target_transfer_tag = reserved_tag;
  be32 stat_sn{};
  be32 exp_cmd_sn{};
  be32 max_cmd_sn{};
  std::array<std::uint8_t, 12> reserved_36{};
};
static_assert(offsetof(NopInBhs, target_transfer_tag) == 20 && offsetof(NopInBhs, stat_sn) == 24);

/// The start of an Additional Header Segment (section 11.2.2); padded to four bytes with what
/// follows it.
struct AhsHeader {
  be16 bytes{};  // of what follows the type
  AhsType type{};
  std::uint8_t reserved = 0;  // counted in `bytes`
};
static_assert(sizeof(AhsHeader) == 4);

/// A picture of a Basic Header Segment.
template <typename T>
concept Bhs = sizeof(T) == bhs_bytes &&
              alignof(T) == 1 && std::is_trivially_copyable_v<T>&& std::is_standard_layout_v<T>;

static_assert(Bhs<GenericBhs>);
static_assert(Bhs<ScsiCommandBhs> && Bhs<ScsiResponseBhs> && Bhs<DataOutBhs> && Bhs<DataInBhs>);
static_assert(Bhs<TaskManagementRequestBhs> && Bhs<TaskManagementResponseBhs> && Bhs<R2tBhs>);
static_assert(Bhs<AsyncMessageBhs> && Bhs<TextRequestBhs> && Bhs<TextResponseBhs>);
static_assert(Bhs<LoginRequestBhs> && Bhs<LoginResponseBhs> && Bhs<LogoutRequestBhs>);
static_assert(Bhs<LogoutResponseBhs> && Bhs<SnackRequestBhs> && Bhs<RejectBhs>);
static_assert(Bhs<NopOutBhs> && Bhs<NopInBhs>);

/// Copies a header out of 48 bytes. Any bytes will do; what they mean is the caller's to check.
template <Bhs T>
constexpr T from_bytes(std::span<const std::byte, bhs_bytes> bytes) {
  HeaderBytes copy{};
  for (std::size_t i = 0; i < bhs_bytes; ++i) copy[i] = bytes[i];
  return std::bit_cast<T>(copy);
}

/// The header as it goes on the wire.
template <Bhs T>
constexpr HeaderBytes to_bytes(const T& header) {
  return std::bit_cast<HeaderBytes>(header);
}

/// The same 48 bytes in another picture: from GenericBhs to what its opcode says that it is.
template <Bhs To, Bhs From>
constexpr To as(const From& header) {
  return std::bit_cast<To>(header);
}

}  // namespace holdfast::iscsi
