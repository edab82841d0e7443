#include "common/scsi/sense.h"

#include <bit>
#include <span>

#include "common/base/endian.h"

namespace holdfast::scsi {
namespace {

// Response codes, SPC-4 table 28. The two of a format differ by the deferred one being odd.
constexpr std::uint8_t fixed_current = 0x70;
constexpr std::uint8_t descriptor_current = 0x72;

constexpr std::size_t fixed_bytes = 18;
constexpr std::size_t descriptor_header_bytes = 8;
constexpr std::size_t information_descriptor_bytes = 12;
constexpr std::size_t field_descriptor_bytes = 8;
static_assert(descriptor_header_bytes + information_descriptor_bytes + field_descriptor_bytes ==
              sense_bytes_max);

using SenseKeySpecific = std::array<std::uint8_t, 3>;

/// SPC-4 table 38: SKSV set, C/D where it is about the CDB, BPV with the bit pointer.
SenseKeySpecific field_pointer_bytes(const FieldPointer& field) {
  std::uint8_t flags = field.in_parameter_list ? 0x80 : 0xc0;
  if (field.bit) flags = static_cast<std::uint8_t>(flags | 0x08 | *field.bit);
  return {flags, static_cast<std::uint8_t>(field.byte >> 8), static_cast<std::uint8_t>(field.byte)};
}

std::optional<SenseKeySpecific> sense_key_specific(const Sense& from) {
  if (from.field) return field_pointer_bytes(*from.field);
  if (!from.progress) return std::nullopt;
  return SenseKeySpecific{0x80, static_cast<std::uint8_t>(*from.progress >> 8),
                          static_cast<std::uint8_t>(*from.progress)};
}

template <typename Integer>
void put(SenseBytes& sense, std::size_t at, Integer value) {
  const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(value)>>(value);
  for (std::size_t i = 0; i < bytes.size(); ++i) sense.bytes[at + i] = bytes[i];
}

SenseBytes encode_fixed(const Sense& from) {  // SPC-4 4.5.3
  SenseBytes sense;
  sense.bytes[0] = static_cast<std::uint8_t>(fixed_current + (from.deferred ? 1 : 0));
  sense.bytes[2] = static_cast<std::uint8_t>(from.key);
  if (from.information && *from.information <= 0xffff'ffff) {
    sense.bytes[0] |= 0x80;  // VALID
    put(sense, 3, be32(static_cast<std::uint32_t>(*from.information)));
  }
  sense.bytes[7] = fixed_bytes - 8;  // ADDITIONAL SENSE LENGTH
  sense.bytes[12] = from.additional.code;
  sense.bytes[13] = from.additional.qualifier;
  if (const auto specific = sense_key_specific(from)) put(sense, 15, *specific);
  sense.size = fixed_bytes;
  return sense;
}

SenseBytes encode_descriptor(const Sense& from) {  // SPC-4 4.5.2
  SenseBytes sense;
  sense.bytes[0] = static_cast<std::uint8_t>(descriptor_current + (from.deferred ? 1 : 0));
  sense.bytes[1] = static_cast<std::uint8_t>(from.key);
  sense.bytes[2] = from.additional.code;
  sense.bytes[3] = from.additional.qualifier;
  std::size_t at = descriptor_header_bytes;
  if (from.information) {
    sense.bytes[at] = 0x00;  // the information descriptor
    sense.bytes[at + 1] = information_descriptor_bytes - 2;
    sense.bytes[at + 2] = 0x80;  // VALID
    put(sense, at + 4, be64(*from.information));
    at += information_descriptor_bytes;
  }
  if (const auto specific = sense_key_specific(from)) {
    sense.bytes[at] = 0x02;  // the sense key specific descriptor
    sense.bytes[at + 1] = field_descriptor_bytes - 2;
    put(sense, at + 4, *specific);
    at += field_descriptor_bytes;
  }
  sense.bytes[7] = static_cast<std::uint8_t>(at - descriptor_header_bytes);
  sense.size = static_cast<std::uint8_t>(at);
  return sense;
}

}  // namespace

SenseBytes Sense::encode(SenseFormat format) const {
  return format == SenseFormat::fixed ? encode_fixed(*this) : encode_descriptor(*this);
}

}  // namespace holdfast::scsi
