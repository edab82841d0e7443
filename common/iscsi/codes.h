#pragma once

#include <cstdint>

// The numbers of RFC 7143 section 11. Every enumeration has a fixed type, so that a byte of the
// peer's may be converted to it whatever it holds: what has no name here falls to `default`.

namespace holdfast::iscsi {

/// The two ends of a connection.
enum class Side : std::uint8_t { initiator, target };

/// Section 11.2.1.2, without the immediate bit.
enum class Opcode : std::uint8_t {
  // From the initiator.
  nop_out = 0x00,
  scsi_command = 0x01,
  task_management_request = 0x02,
  login_request = 0x03,
  text_request = 0x04,
  data_out = 0x05,
  logout_request = 0x06,
  snack_request = 0x10,
  // From the target.
  nop_in = 0x20,
  scsi_response = 0x21,
  task_management_response = 0x22,
  login_response = 0x23,
  text_response = 0x24,
  data_in = 0x25,
  logout_response = 0x26,
  r2t = 0x31,
  async_message = 0x32,
  reject = 0x3f,
};

/// "No tag": in the Initiator Task Tag and the Target Transfer Tag (sections 11.7.4, 11.18, 11.19).
inline constexpr std::uint32_t reserved_tag = 0xffff'ffff;

/// Section 11.2.2.1.
enum class AhsType : std::uint8_t {
  extended_cdb = 1,
  bidirectional_read_length = 2,
};

/// Section 11.3.1, as SAM-5 numbers them.
enum class TaskAttribute : std::uint8_t {
  untagged = 0,
  simple = 1,
  ordered = 2,
  head_of_queue = 3,
  aca = 4,
};

/// Section 11.4.3.
enum class ScsiResponseCode : std::uint8_t {
  command_completed = 0x00,
  target_failure = 0x01,
};

/// Section 11.5.1.
enum class TaskManagementFunction : std::uint8_t {
  abort_task = 1,
  abort_task_set = 2,
  clear_aca = 3,
  clear_task_set = 4,
  logical_unit_reset = 5,
  target_warm_reset = 6,
  target_cold_reset = 7,
  task_reassign = 8,
};

/// Section 11.6.1.
enum class TaskManagementResponseCode : std::uint8_t {
  function_complete = 0,
  task_does_not_exist = 1,
  lun_does_not_exist = 2,
  task_still_allegiant = 3,
  reassignment_not_supported = 4,
  function_not_supported = 5,
  authorization_failed = 6,
  function_rejected = 255,
};

/// Section 11.9.1.
enum class AsyncEvent : std::uint8_t {
  scsi = 0,                     // sense data in the data segment
  logout_requested = 1,         // within parameter3 seconds
  connection_dropped = 2,       // parameter1: CID; parameter2: Time2Wait; parameter3: Time2Retain
  all_connections_dropped = 3,  // parameter2: Time2Wait; parameter3: Time2Retain
  negotiation_requested = 4,    // within parameter3 seconds
  tasks_terminated = 5,         // all of the unit in the LUN field, by another nexus
  vendor_specific = 255,
};

/// Section 11.12.3: the stages that CSG and NSG name.
enum class LoginStage : std::uint8_t {
  security_negotiation = 0,
  operational_negotiation = 1,
  full_feature_phase = 3,
};

/// Section 11.13.5: Status-Class in the high byte, Status-Detail in the low one.
enum class LoginStatus : std::uint16_t {
  success = 0x0000,
  target_moved_temporarily = 0x0101,
  target_moved_permanently = 0x0102,
  initiator_error = 0x0200,
  authentication_failure = 0x0201,
  authorization_failure = 0x0202,
  not_found = 0x0203,
  target_removed = 0x0204,
  unsupported_version = 0x0205,
  too_many_connections = 0x0206,
  missing_parameter = 0x0207,
  cannot_include_in_session = 0x0208,
  session_type_not_supported = 0x0209,
  session_does_not_exist = 0x020a,
  invalid_during_login = 0x020b,
  target_error = 0x0300,
  service_unavailable = 0x0301,
  out_of_resources = 0x0302,
};

constexpr std::uint8_t status_class(LoginStatus status) {
  return static_cast<std::uint8_t>(static_cast<std::uint16_t>(status) >> 8);
}
constexpr std::uint8_t status_detail(LoginStatus status) {
  return static_cast<std::uint8_t>(static_cast<std::uint16_t>(status) & 0xff);
}

/// Section 11.14.1.
enum class LogoutReason : std::uint8_t {
  close_session = 0,
  close_connection = 1,
  remove_connection_for_recovery = 2,
};

/// Section 11.15.1.
enum class LogoutResponseCode : std::uint8_t {
  closed = 0,
  cid_not_found = 1,
  recovery_not_supported = 2,
  cleanup_failed = 3,
};

/// Section 11.16.1.
enum class SnackType : std::uint8_t {
  data_or_r2t = 0,
  status = 1,
  data_ack = 2,
  r_data = 3,
};

/// Section 11.17.1.
enum class RejectReason : std::uint8_t {
  data_digest_error = 0x02,
  snack_reject = 0x03,
  protocol_error = 0x04,
  command_not_supported = 0x05,
  too_many_immediate_commands = 0x06,
  task_in_progress = 0x07,
  invalid_data_ack = 0x08,
  invalid_pdu_field = 0x09,
  out_of_transfer_tags = 0x0a,
  waiting_for_logout = 0x0c,
};

}  // namespace holdfast::iscsi
