#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace holdfast::scsi {

/// SAM-5 5.3: the status codes that we send.
enum class Status : std::uint8_t {
  good = 0x00,
  check_condition = 0x02,
  reservation_conflict = 0x18,
};

/// SPC-4 4.5.6.
enum class SenseKey : std::uint8_t {
  no_sense = 0x0,
  not_ready = 0x2,
  medium_error = 0x3,
  hardware_error = 0x4,
  illegal_request = 0x5,
  unit_attention = 0x6,
  data_protect = 0x7,
  copy_aborted = 0xa,
  aborted_command = 0xb,
  miscompare = 0xe,
};

/// ADDITIONAL SENSE CODE and its qualifier (SPC-4 annex F).
struct AdditionalSense {
  std::uint8_t code = 0;
  std::uint8_t qualifier = 0;
  bool operator==(const AdditionalSense&) const = default;
};

namespace additional_sense {
inline constexpr AdditionalSense none{0x00, 0x00};
inline constexpr AdditionalSense format_in_progress{0x04, 0x04};
inline constexpr AdditionalSense target_port_in_standby_state{0x04, 0x0b};
inline constexpr AdditionalSense target_port_in_unavailable_state{0x04, 0x0c};
inline constexpr AdditionalSense sanitize_in_progress{0x04, 0x1b};
inline constexpr AdditionalSense write_error{0x0c, 0x00};
inline constexpr AdditionalSense third_party_device_failure{0x0d, 0x01};
inline constexpr AdditionalSense copy_target_device_not_reachable{0x0d, 0x02};
inline constexpr AdditionalSense incorrect_copy_target_device_type{0x0d, 0x03};
inline constexpr AdditionalSense invalid_field_in_command_information_unit{0x0e, 0x03};
inline constexpr AdditionalSense unrecovered_read_error{0x11, 0x00};
inline constexpr AdditionalSense parameter_list_length_error{0x1a, 0x00};
inline constexpr AdditionalSense miscompare_during_verify{0x1d, 0x00};
inline constexpr AdditionalSense invalid_command_operation_code{0x20, 0x00};
inline constexpr AdditionalSense logical_block_address_out_of_range{0x21, 0x00};
inline constexpr AdditionalSense invalid_field_in_cdb{0x24, 0x00};
inline constexpr AdditionalSense logical_unit_not_supported{0x25, 0x00};
inline constexpr AdditionalSense invalid_field_in_parameter_list{0x26, 0x00};
inline constexpr AdditionalSense invalid_release_of_persistent_reservation{0x26, 0x04};
inline constexpr AdditionalSense too_many_target_descriptors{0x26, 0x06};
inline constexpr AdditionalSense unsupported_target_descriptor_type{0x26, 0x07};
inline constexpr AdditionalSense too_many_segment_descriptors{0x26, 0x08};
inline constexpr AdditionalSense unsupported_segment_descriptor_type{0x26, 0x09};
inline constexpr AdditionalSense inline_data_length_exceeded{0x26, 0x0b};
inline constexpr AdditionalSense unexpected_inexact_segment{0x26, 0x0a};
inline constexpr AdditionalSense write_protected{0x27, 0x00};
inline constexpr AdditionalSense software_write_protected{0x27, 0x02};
inline constexpr AdditionalSense space_allocation_failed_write_protect{0x27, 0x07};
inline constexpr AdditionalSense not_ready_to_ready_change{0x28, 0x00};
inline constexpr AdditionalSense power_on_or_reset{0x29, 0x00};
inline constexpr AdditionalSense bus_device_reset_function_occurred{0x29, 0x03};
inline constexpr AdditionalSense mode_parameters_changed{0x2a, 0x01};
inline constexpr AdditionalSense log_parameters_changed{0x2a, 0x02};
inline constexpr AdditionalSense reservations_preempted{0x2a, 0x03};
inline constexpr AdditionalSense reservations_released{0x2a, 0x04};
inline constexpr AdditionalSense registrations_preempted{0x2a, 0x05};
inline constexpr AdditionalSense asymmetric_access_state_changed{0x2a, 0x06};
inline constexpr AdditionalSense capacity_data_has_changed{0x2a, 0x09};
inline constexpr AdditionalSense commands_cleared_by_another_initiator{0x2f, 0x00};
inline constexpr AdditionalSense format_failed{0x31, 0x01};
inline constexpr AdditionalSense sanitize_command_failed{0x31, 0x03};
inline constexpr AdditionalSense thin_provisioning_soft_threshold_reached{0x38, 0x07};
inline constexpr AdditionalSense some_commands_cleared_by_iscsi_protocol_event{0x47, 0x7f};
inline constexpr AdditionalSense saving_parameters_not_supported{0x39, 0x00};
inline constexpr AdditionalSense medium_not_present{0x3a, 0x00};
inline constexpr AdditionalSense reported_luns_data_has_changed{0x3f, 0x0e};
inline constexpr AdditionalSense internal_target_failure{0x44, 0x00};
inline constexpr AdditionalSense invalid_message_error{0x49, 0x00};
inline constexpr AdditionalSense medium_removal_prevented{0x53, 0x02};
inline constexpr AdditionalSense insufficient_registration_resources{0x55, 0x04};
}  // namespace additional_sense

/// The sense-key specific bytes of ILLEGAL REQUEST (SPC-4 4.5.2.4.2): where the CDB, or the
/// parameter list that came with it, is wrong.
struct FieldPointer {
  std::uint16_t byte = 0;
  /// The leftmost bit of the field in error; none for a field of whole bytes.
  std::optional<std::uint8_t> bit{};
  bool in_parameter_list = false;
  bool operator==(const FieldPointer&) const = default;
};

/// How sense data is laid out, as D_SENSE or DESC chooses.
enum class SenseFormat : std::uint8_t { fixed, descriptor };

/// The largest of the layouts below.
inline constexpr std::size_t sense_bytes_max = 28;

/// Sense data (SPC-4 4.5) as bytes on the wire.
struct SenseBytes {
  std::array<std::uint8_t, sense_bytes_max> bytes{};
  std::uint8_t size = 0;
};

/// What went wrong with a command, or what there is to tell.
struct Sense {
  SenseKey key = SenseKey::no_sense;
  AdditionalSense additional = additional_sense::none;
  /// INFORMATION: a logical block address or a byte offset, as the sense key and code say.
  std::optional<std::uint64_t> information{};
  std::optional<FieldPointer> field{};
  /// PROGRESS INDICATION (SPC-4 4.5.2.4.4): how far a background operation has come, in 65536ths.
  std::optional<std::uint16_t> progress{};
  /// About an earlier command that had its status already (SPC-4 4.5.5).
  bool deferred = false;
  bool operator==(const Sense&) const = default;

  /// Lays it out. The fixed format has four bytes for INFORMATION: a wider value is left out there.
  SenseBytes encode(SenseFormat format) const;
};

/// ILLEGAL REQUEST, with the field of the CDB that is wrong.
constexpr Sense illegal_request(AdditionalSense additional,
                                std::optional<FieldPointer> field = {}) {
  return Sense{.key = SenseKey::illegal_request, .additional = additional, .field = field};
}

constexpr Sense invalid_field_in_cdb(std::uint16_t byte, std::optional<std::uint8_t> bit = {}) {
  return illegal_request(additional_sense::invalid_field_in_cdb, FieldPointer{byte, bit});
}

constexpr Sense invalid_field_in_parameter_list(std::uint16_t byte,
                                                std::optional<std::uint8_t> bit = {}) {
  return illegal_request(additional_sense::invalid_field_in_parameter_list,
                         FieldPointer{byte, bit, true});
}

}  // namespace holdfast::scsi
