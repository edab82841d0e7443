#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "common/iscsi/codes.h"
#include "common/iscsi/digest.h"
#include "common/iscsi/pdu.h"

// From the 48 bytes of a header to what follows them, or to the reason why the PDU is refused. Any
// bytes whatever may be given to these functions.

namespace holdfast::iscsi {

/// Which digests are in force.
struct Digests {
  bool header = false;
  bool data = false;
};

/// The parts of a PDU after its Basic Header Segment, in the order of the wire, in bytes.
struct PduLayout {
  std::uint32_t ahs_bytes = 0;
  std::uint32_t header_digest_bytes = 0;
  std::uint32_t data_bytes = 0;
  std::uint32_t padding_bytes = 0;
  std::uint32_t data_digest_bytes = 0;

  constexpr std::uint32_t after_header() const {
    return ahs_bytes + header_digest_bytes + data_bytes + padding_bytes + data_digest_bytes;
  }
};

/// Zero bytes that fill a data segment up to a multiple of four (section 11.2.3).
constexpr std::uint32_t padding_of(std::uint32_t data_bytes) {
  return (4 - data_bytes % 4) % 4;
}

/// What the lengths in a header come to, at most 16 MiB and a little.
constexpr PduLayout layout_of(const GenericBhs& header, Digests digests = {}) {
  PduLayout layout;
  layout.ahs_bytes = std::uint32_t{header.ahs_words} * 4;
  layout.header_digest_bytes = digests.header ? digest_bytes : 0;
  layout.data_bytes = header.data_segment_bytes;
  layout.padding_bytes = padding_of(layout.data_bytes);
  layout.data_digest_bytes = digests.data && layout.data_bytes > 0 ? digest_bytes : 0;
  return layout;
}

/// Why a PDU is refused: the code for a Reject, and words for the log.
struct PduFault {
  RejectReason reason;
  std::string_view why;
};

/// Whether the header may come from that side and its lengths suit its opcode and the limit on data
/// segments. The layout holds for a refused header too, so that its PDU can be skipped.
std::optional<PduFault> check_header(const GenericBhs& header, Side from,
                                     std::uint32_t data_segment_bytes_max);

/// "SCSI Command", "NOP-Out", ...; "unknown PDU" for what has no name.
std::string_view name_of(Opcode opcode);

/// What Additional Header Segments say (section 11.2.2), as views into them.
struct AhsContents {
  /// The CDB's bytes beyond the 16 of the header.
  std::span<const std::byte> extended_cdb;
  std::optional<std::uint32_t> bidirectional_read_length;
};

/// Takes the AHSs of one PDU apart.
std::optional<PduFault> parse_ahs(std::span<const std::byte> bytes, AhsContents& contents);

}  // namespace holdfast::iscsi
