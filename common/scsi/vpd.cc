#include "common/scsi/vpd.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>

#include "common/base/units.h"
#include "common/scsi/copy_list.h"
#include "common/scsi/thresholds.h"
#include "common/scsi/unmap_list.h"

namespace holdfast::scsi {
namespace {

// Designator fields, SPC-4 7.8.6.1.
constexpr std::uint8_t code_set_binary = 1, code_set_ascii = 2, code_set_utf8 = 3;
constexpr std::uint8_t of_logical_unit = 0x00, of_target_port = 0x10, of_target_device = 0x20;
constexpr std::uint8_t t10_vendor = 1, naa = 3, relative_target_port = 4, target_port_group = 5,
                       scsi_name_string = 8;
constexpr std::uint8_t protocol_iscsi = 0x50, protocol_valid = 0x80;

void put_designator_header(ParameterData& data, std::uint8_t code_set, std::uint8_t association,
                           std::uint8_t type, std::size_t bytes) {
  // A protocol is named with designators of ports and target devices.
  const bool names_protocol = association != of_logical_unit;
  data.put(static_cast<std::uint8_t>(code_set | (names_protocol ? protocol_iscsi : 0)));
  data.put(static_cast<std::uint8_t>(association | type | (names_protocol ? protocol_valid : 0)));
  data.put({0, static_cast<std::uint8_t>(bytes)});
}

/// A SCSI name string ends with a NUL at least and is as long as a multiple of four.
void put_name_designator(ParameterData& data, std::uint8_t association, std::string_view name) {
  const std::size_t bytes = round_up(name.size() + 1, 4);
  put_designator_header(data, code_set_utf8, association, scsi_name_string, bytes);
  data.put_text(name);
  data.put_zeros(bytes - name.size());
}

/// RFC 7143 section 4.4.2: how a target port is named; a target device by its iSCSI name.
std::string port_name(const Identity& identity, std::uint16_t port) {
  return fmt::format("{},t,0x{:04x}", identity.target_name, port);
}

void supported_pages(ParameterData& data, const VitalProductData& unit);

void unit_serial_number(ParameterData& data, const VitalProductData& unit) {
  data.put_text(unit.identity.serial_number);
}

void device_identification(ParameterData& data, const VitalProductData& unit) {
  const Identity& identity = unit.identity;
  put_designator_header(data, code_set_ascii, of_logical_unit, t10_vendor,
                        8 + identity.scsi_id.size());
  data.put_text(identity.vendor, 8);
  data.put_text(identity.scsi_id);

  put_designator_header(data, code_set_binary, of_logical_unit, naa, identity.naa.size());
  data.put(std::span<const std::uint8_t>(identity.naa));

  // Of the port by which the command came.
  put_designator_header(data, code_set_binary, of_target_port, relative_target_port, 4);
  data.put_be16(0);
  data.put_be16(unit.target_port);
  put_designator_header(data, code_set_binary, of_target_port, target_port_group, 4);
  data.put_be16(0);
  data.put_be16(unit.target_port);

  put_name_designator(data, of_target_port, port_name(identity, unit.target_port));
  put_name_designator(data, of_target_device, identity.target_name);
}

void management_network_addresses(ParameterData&, const VitalProductData&) {  // SPC-4 7.8.9: none
}

void extended_inquiry_data(ParameterData& data, const VitalProductData&) {  // SPC-4 7.8.8
  data.put({0x00,    // no microcode, no protection information
            0x17,    // GROUP_SUP, HEADSUP, ORDSUP, SIMPSUP
            0x00,    // no uncorrectable writes
            0x00});  // V_SUP: what the cache holds does not outlive a loss of power
  data.put_zeros(60 - 4);
}

void mode_page_policy(ParameterData& data, const VitalProductData&) {  // SPC-4 7.8.10
  data.put({0x3f, 0xff, 0x00, 0x00});  // all pages are shared by all I_T nexuses
}

void scsi_ports(ParameterData& data, const VitalProductData& unit) {  // SPC-4 7.8.14
  for (const PortGroup& group : unit.port_groups) {
    data.put_be16(0);
    data.put_be16(group.tag);
    data.put_be32(0);  // no initiator port's transport ID
    data.put_be16(0);
    const std::size_t length_at = data.size();
    data.put_be16(0);
    put_name_designator(data, of_target_port, port_name(unit.identity, group.tag));
    data.set_be16(length_at, static_cast<std::uint16_t>(data.size() - length_at - 2));
  }
}

void third_party_copy(ParameterData& data, const VitalProductData&) {  // SPC-4 7.8.17
  const auto begin = [&data](std::uint16_t type, std::uint16_t bytes) {
    data.put_be16(type);
    data.put_be16(bytes);
  };
  begin(0x0001, 12);  // supported commands
  data.put({8, 0x83, 1, 0x00, 0x84, 3, 0x00, 0x03, 0x04, 0, 0, 0});
  begin(0x0004, 28);  // parameter data
  data.put_zeros(4);
  data.put_be16(copy_limits::target_descriptors_max);
  data.put_be16(copy_limits::segment_descriptors_max);
  data.put_be32(copy_limits::descriptor_bytes_max);
  data.put_be32(0);  // no inline data
  data.put_zeros(12);
  begin(0x0008, 4);  // supported descriptors
  data.put({2, copy_limits::block_to_block, copy_limits::identification_descriptor, 0});
  begin(0x8001, 32);  // general copy operations
  data.put_be32(copy_limits::concurrent_max);
  data.put_be32(copy_limits::concurrent_max);
  data.put_be32(copy_limits::segment_bytes_max);
  data.put({copy_limits::granularity_log2, copy_limits::granularity_log2});
  data.put_zeros(18);
}

void referrals(ParameterData& data, const VitalProductData&) {  // SBC-3 6.6.6: none
  data.put_zeros(12);
}

void block_limits(ParameterData& data, const VitalProductData& unit) {  // SBC-3 6.6.3
  const std::uint32_t physical_blocks = 1u << unit.geometry.physical_block_exponent();
  data.put({0x00, unit.compare_blocks_max});  // WSNZ 0: WRITE SAME of no blocks is one of all
  data.put_be16(static_cast<std::uint16_t>(physical_blocks));
  data.put_be32(unit.transfer_blocks_max);
  data.put_be32(0);                            // no optimal transfer length
  data.put_be32(0);                            // no limit to PRE-FETCH
  data.put_be32(unit.thin ? 0xffff'ffff : 0);  // UNMAP: as many blocks as a descriptor can name
  data.put_be32(unit.thin ? unmap_descriptors_max : 0);
  data.put_be32(unit.thin ? physical_blocks : 0);  // OPTIMAL UNMAP GRANULARITY
  data.put_be32(unit.thin ? 0x8000'0000 : 0);      // UGAVALID, aligned at LBA 0
  data.put_be64(unit.write_same_blocks_max);
  data.put_be32(std::min<std::uint32_t>(unit.atomic_blocks_max, 0xffff));  // WRITE ATOMIC
  data.put_be32(unit.atomic_alignment_blocks);
  data.put_zeros(12);  // ATOMIC GRANULARITY: any. No ATOMIC BOUNDARY
}

void block_device_characteristics(ParameterData& data, const VitalProductData& unit) {
  data.put_be16(unit.rotation_rate);  // SBC-3 6.6.2
  data.put_zeros(1);
  data.put(static_cast<std::uint8_t>(unit.thin ? 0x40 : 0x00));  // WABEREQ: erased is zeros
  data.put_zeros(0x3c - 4);
}

void logical_block_provisioning(ParameterData& data, const VitalProductData& unit) {  // SBC-3 6.6.4
  if (!unit.thin) return data.put_zeros(4);  // no unmapping by any command, fully provisioned
  constexpr std::uint8_t unmap_and_write_same = 0xe0, reads_zeros = 0x04, anchors = 0x02;
  constexpr std::uint8_t thin = 0x02;
  const std::uint8_t exponent = unit.thresholds ? threshold_exponent(unit.geometry) : 0;
  data.put({exponent, unmap_and_write_same | reads_zeros | anchors, thin, 0});
}

struct Page {
  std::uint8_t code;
  void (*put)(ParameterData&, const VitalProductData&);
};

constexpr Page pages[] = {
    {0x00, supported_pages},
    {0x80, unit_serial_number},
    {0x83, device_identification},
    {0x85, management_network_addresses},
    {0x86, extended_inquiry_data},
    {0x87, mode_page_policy},
    {0x88, scsi_ports},
    {0x8f, third_party_copy},
    {0xb0, block_limits},
    {0xb1, block_device_characteristics},
    {0xb2, logical_block_provisioning},
    {0xb3, referrals},
};

void supported_pages(ParameterData& data, const VitalProductData&) {
  for (const Page& page : pages) data.put(page.code);
}

}  // namespace

std::optional<ParameterData> vpd_page(std::uint8_t code, const VitalProductData& unit) {
  const auto* page = std::find_if(std::begin(pages), std::end(pages),
                                  [code](const Page& candidate) { return candidate.code == code; });
  if (page == std::end(pages)) return std::nullopt;
  ParameterData data;
  data.put({0x00, code, 0, 0});
  page->put(data, unit);
  data.set_be16(2, static_cast<std::uint16_t>(data.size() - 4));
  return data;
}

}  // namespace holdfast::scsi
