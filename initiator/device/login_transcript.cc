#include "initiator/device/login_transcript.h"

#include <fmt/format.h>

#include <cstring>
#include <string_view>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/text.h"

namespace holdfast::initiator {
namespace {

/// Goes over the whole Login Responses, one behind the other, up to what is none.
template <typename Visit>
void for_each_response(std::span<const std::byte> bytes, Visit visit) {
  while (bytes.size() >= sizeof(iscsi::LoginResponseBhs)) {
    iscsi::GenericBhs header;
    std::memcpy(&header, bytes.data(), sizeof header);
    const iscsi::PduLayout layout = iscsi::layout_of(header);
    const std::size_t whole = sizeof header + layout.after_header();
    if (header.opcode.opcode() != iscsi::Opcode::login_response || bytes.size() < whole) return;
    iscsi::LoginResponseBhs response;
    std::memcpy(&response, bytes.data(), sizeof response);
    visit(response, bytes.subspan(sizeof header + layout.ahs_bytes, layout.data_bytes));
    bytes = bytes.subspan(whole);
  }
}

/// The text of them all: a pair may be cut by the end of a PDU (the C bit).
std::string gather_text(std::span<const std::byte> bytes) {
  std::string text;
  for_each_response(bytes, [&text](const iscsi::LoginResponseBhs&, std::span<const std::byte> data) {
    if (text.size() <= iscsi::text_bytes_max) text.append(reinterpret_cast<const char*>(data.data()), data.size());
  });
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

std::optional<LoginIdentity> login_identity(std::span<const std::byte> bytes) {
  std::optional<LoginIdentity> identity;
  for_each_response(bytes, [&identity](const iscsi::LoginResponseBhs& response, std::span<const std::byte>) {
    LoginIdentity said{.isid = {}, .tsih = response.tsih};
    for (const std::uint8_t byte : response.isid) said.isid += fmt::format("{:02x}", byte);
    identity = said;
  });
  return identity;
}

std::map<std::string, std::string> session_record(std::span<const std::byte> bytes, const std::string& initiator,
                                                  const std::string& portal) {
  std::map<std::string, std::string> record = read_login_transcript(bytes);
  record["portal"] = portal;
  const std::optional<LoginIdentity> identity = login_identity(bytes);
  if (!identity) return record;
  record["InitiatorName"] = initiator;
  record["ISID"] = identity->isid;
  record["TSIH"] = std::to_string(identity->tsih);
  return record;
}

std::optional<iscsi::LoginStatus> last_login_status(std::span<const std::byte> bytes) {
  std::optional<iscsi::LoginStatus> status;
  for_each_response(bytes, [&status](const iscsi::LoginResponseBhs& response, std::span<const std::byte>) {
    status = response.login_status();
  });
  return status;
}

}  // namespace holdfast::initiator
