#include "initiator/device/login_transcript.h"

#include <cstring>
#include <string_view>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/text.h"

namespace holdfast::initiator {
namespace {

/// The text of every whole Login Response, one behind the other: a pair may be cut by the end of a
/// PDU (the C bit).
std::string gather_text(std::span<const std::byte> bytes) {
  std::string text;
  while (bytes.size() >= sizeof(iscsi::GenericBhs)) {
    iscsi::GenericBhs header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const iscsi::PduLayout layout = iscsi::layout_of(header);
    const std::size_t whole = sizeof header + layout.after_header();
    const bool login = header.opcode.opcode() == iscsi::Opcode::login_response;
    if (!login || bytes.size() < whole || text.size() > iscsi::text_bytes_max) return text;
    const std::byte* data = bytes.data() + sizeof header + layout.ahs_bytes;
    text.append(reinterpret_cast<const char*>(data), layout.data_bytes);
    bytes = bytes.subspan(whole);
  }
  return text;
}

}  // namespace

std::map<std::string, std::string> read_login_transcript(std::span<const std::byte> bytes) {
  std::map<std::string, std::string> keys;
  const std::string text = gather_text(bytes);
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0 || pair.starts_with("CHAP_")) continue;
    keys[iscsi::printable(pair.substr(0, equals))] = iscsi::printable(pair.substr(equals + 1));
  }
  return keys;
}

}  // namespace holdfast::initiator
