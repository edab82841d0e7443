#include "common/scsi/transport_id.h"

#include <algorithm>

#include "common/base/units.h"

namespace holdfast::scsi {
namespace {

constexpr std::uint8_t protocol_iscsi = 0x05;
constexpr std::uint8_t format_name = 0x00, format_name_and_isid = 0x40;
constexpr std::size_t header_bytes = 4;
constexpr std::size_t additional_bytes_min = 20;
constexpr std::string_view separator = ",i,0x";
constexpr std::size_t isid_digits = 12;
static_assert(round_up(InitiatorPort::name_bytes_max + separator.size() + isid_digits + 1, 4) ==
              transport_id_bytes_max - header_bytes);

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower(std::string_view name) {
  std::string lowered(name);
  for (char& c : lowered) c = lower(c);
  return lowered;
}

void put_text(std::vector<std::uint8_t>& data, std::string_view text) {
  for (char c : text) data.push_back(static_cast<std::uint8_t>(c));
}

std::optional<InitiatorPort::Isid> decode_isid(std::string_view digits) {
  if (digits.size() != isid_digits) return std::nullopt;
  InitiatorPort::Isid isid{};
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = lower(digits[i]);
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    const int value = is_digit ? c - '0' : c - 'a' + 10;
    isid[i / 2] = static_cast<std::uint8_t>(isid[i / 2] << 4 | value);
  }
  return isid;
}

/// The name in `field`, which ends with a NUL and is filled with more of them (SPC-4 4.3.2).
std::optional<std::string_view> text_in(std::span<const std::uint8_t> field) {
  const auto end = std::find(field.begin(), field.end(), 0);
  if (end == field.begin() || end == field.end()) return std::nullopt;
  if (std::any_of(end, field.end(), [](std::uint8_t byte) { return byte != 0; }))
    return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(field.data()),
                          static_cast<std::size_t>(end - field.begin()));
}

FieldPointer wrong(std::size_t byte, std::optional<std::uint8_t> bit = {}) {
  return FieldPointer{static_cast<std::uint16_t>(byte), bit, true};
}

}  // namespace

InitiatorPort initiator_port(std::string_view name, const InitiatorPort::Isid& isid) {
  return {lower(name), isid};
}

void put_transport_id(std::vector<std::uint8_t>& data, const InitiatorPort& port) {
  const std::size_t start = data.size();
  const std::uint8_t format = port.isid ? format_name_and_isid : format_name;
  data.insert(data.end(), {static_cast<std::uint8_t>(format | protocol_iscsi), 0, 0, 0});
  put_text(data, port.name);
  if (port.isid) {
    constexpr std::string_view digits = "0123456789abcdef";
    put_text(data, separator);
    for (std::uint8_t byte : *port.isid) {
      data.push_back(static_cast<std::uint8_t>(digits[byte >> 4]));
      data.push_back(static_cast<std::uint8_t>(digits[byte & 0x0f]));
    }
  }
  const std::size_t text_bytes = data.size() - start - header_bytes;
  const std::size_t additional = std::max(round_up(text_bytes + 1, 4), additional_bytes_min);
  data.resize(start + header_bytes + additional);
  data[start + 2] = static_cast<std::uint8_t>(additional >> 8);
  data[start + 3] = static_cast<std::uint8_t>(additional);
}

std::variant<DecodedTransportId, FieldPointer> decode_transport_id(
    std::span<const std::uint8_t> list, std::size_t at) {
  const std::span<const std::uint8_t> id = list.subspan(at);
  const std::uint8_t format = id[0] & 0xc0;
  if (format != format_name && format != format_name_and_isid) return wrong(at, 7);
  if ((id[0] & 0x30) != 0) return wrong(at, 5);
  if ((id[0] & 0x0f) != protocol_iscsi) return wrong(at, 3);
  if (id.size() < header_bytes) return wrong(at);
  if (id[1] != 0) return wrong(at + 1);
  const std::size_t additional = static_cast<std::size_t>(id[2] << 8 | id[3]);
  const bool fits = additional <= id.size() - header_bytes;
  if (!fits || additional < additional_bytes_min || additional % 4 != 0) return wrong(at + 2);

  const std::size_t name_at = at + header_bytes;
  const std::optional<std::string_view> text = text_in(list.subspan(name_at, additional));
  if (!text) return wrong(name_at);
  DecodedTransportId decoded{.port = {}, .bytes = header_bytes + additional};
  std::string_view name = *text;
  if (format == format_name_and_isid) {
    const std::size_t comma = name.find(separator);
    if (comma == std::string_view::npos) return wrong(name_at);
    const std::size_t isid_at = comma + separator.size();
    decoded.port.isid = decode_isid(name.substr(isid_at));
    if (!decoded.port.isid) return wrong(name_at + isid_at);
    name = name.substr(0, comma);
  }
  if (name.empty() || name.size() > InitiatorPort::name_bytes_max) return wrong(name_at);
  decoded.port.name = lower(name);
  return decoded;
}

}  // namespace holdfast::scsi
