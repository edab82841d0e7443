#include "initiator/fault/framing.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "common/base/endian.h"
#include "common/iscsi/pdu.h"

namespace holdfast::initiator {
namespace {

using iscsi::Opcode;

constexpr std::string_view nbd_greeting = "NBDMAGIC";
constexpr std::size_t rpc_head_bytes = 16;  // record mark, XID, message type, version

struct OpcodeRow {
  Opcode opcode;
  MessageKind kind;
};

constexpr std::array opcodes = std::to_array<OpcodeRow>({
    {Opcode::nop_out, MessageKind::nop_out},
    {Opcode::scsi_command, MessageKind::scsi_command},
    {Opcode::task_management_request, MessageKind::task_management_request},
    {Opcode::login_request, MessageKind::login_request},
    {Opcode::text_request, MessageKind::text_request},
    {Opcode::data_out, MessageKind::data_out},
    {Opcode::logout_request, MessageKind::logout_request},
    {Opcode::snack_request, MessageKind::snack_request},
    {Opcode::nop_in, MessageKind::nop_in},
    {Opcode::scsi_response, MessageKind::scsi_response},
    {Opcode::task_management_response, MessageKind::task_management_response},
    {Opcode::login_response, MessageKind::login_response},
    {Opcode::text_response, MessageKind::text_response},
    {Opcode::data_in, MessageKind::data_in},
    {Opcode::logout_response, MessageKind::logout_response},
    {Opcode::r2t, MessageKind::r2t},
    {Opcode::async_message, MessageKind::async_message},
    {Opcode::reject, MessageKind::reject},
});

std::uint32_t word_at(std::span<const std::byte> bytes, std::size_t offset) {
  be32 word;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

Found need(std::uint64_t bytes) { return {.what = Found::What::need_more, .bytes = bytes}; }

/// READ and WRITE of 6 to 16 bytes have the same last five bits (SBC-3).
std::optional<MessageKind> access_of(std::uint8_t operation_code) {
  const unsigned command = operation_code & 0x1fu;
  const unsigned group = operation_code >> 5;
  if (group == 3 || group > 5) return std::nullopt;
  if (command == 0x08) return MessageKind::read;
  if (command == 0x0a) return MessageKind::write;
  return std::nullopt;
}

/// Everything of a PDU but its length.
void describe(Message& message, const iscsi::GenericBhs& header) {
  const auto opcode = header.opcode.opcode();
  const auto* row =
      std::find_if(opcodes.begin(), opcodes.end(), [opcode](const OpcodeRow& one) { return one.opcode == opcode; });
  if (row != opcodes.end()) message.kind = row->kind;
  message.spoilt_header_byte = offsetof(iscsi::GenericBhs, initiator_task_tag) + 3;
  const bool data_with_status = opcode == Opcode::data_in && (header.flags & iscsi::DataInBhs::status_bit) != 0;
  if (opcode == Opcode::scsi_command) {
    message.role = MessageKind::request;
    message.access = access_of(iscsi::as<iscsi::ScsiCommandBhs>(header).cdb[0]);
  } else if (opcode == Opcode::scsi_response || data_with_status) {
    message.role = MessageKind::reply;
  }
  const bool from_target = static_cast<std::uint8_t>(opcode) >= static_cast<std::uint8_t>(Opcode::nop_in);
  const bool asks_of_itself = opcode == Opcode::nop_in && header.initiator_task_tag == iscsi::reserved_tag;
  message.takes_stat_sn =
      from_target && opcode != Opcode::r2t && !asks_of_itself && (opcode != Opcode::data_in || data_with_status);
}

}  // namespace

Found Framing::give_up(Way way) {
  lost_[way] = true;
  return {.what = Found::What::bytes};
}

Found Framing::look(Way way, std::span<const std::byte> bytes) {
  if (lost_[way]) return give_up(way);
  if (!protocol_) return recognize(way, bytes);
  switch (*protocol_) {
    case Protocol::iscsi: return look_at_iscsi(way, bytes);
    case Protocol::nbd: return look_at_nbd(way, bytes);
    case Protocol::rpc: return look_at_rpc(way, bytes);
    case Protocol::datagrams: break;
  }
  return give_up(way);
}

Found Framing::recognize(Way way, std::span<const std::byte> bytes) {
  if (bytes.empty()) return need(1);
  const auto first = std::to_integer<std::uint8_t>(bytes[0]);
  if (way == Way::in) {
    const std::size_t seen = std::min(bytes.size(), nbd_greeting.size());
    if (std::memcmp(bytes.data(), nbd_greeting.data(), seen) != 0) return give_up(way);
    if (seen < nbd_greeting.size()) return need(nbd_greeting.size());
    protocol_ = Protocol::nbd;
  } else if (iscsi::OpcodeByte(Opcode::login_request).byte() == (first & 0x3f)) {
    protocol_ = Protocol::iscsi;
  } else if ((first & 0x80) != 0) {
    if (bytes.size() < rpc_head_bytes) return need(rpc_head_bytes);
    if (word_at(bytes, 8) != 0 || word_at(bytes, 12) != 2) return give_up(way);  // A call, of version 2.
    protocol_ = Protocol::rpc;
  } else {
    return give_up(way);
  }
  return look(way, bytes);
}

Found Framing::look_at_iscsi(Way way, std::span<const std::byte> bytes) {
  if (bytes.size() < iscsi::bhs_bytes) return need(iscsi::bhs_bytes);
  const auto header = iscsi::from_bytes<iscsi::GenericBhs>(bytes.first<iscsi::bhs_bytes>());
  const iscsi::PduLayout layout = iscsi::layout_of(header, in_force_);
  Found found{.what = Found::What::message};
  Message& message = found.message;
  message.protocol = Protocol::iscsi;
  message.way = way;
  message.bytes = iscsi::bhs_bytes + layout.after_header();
  describe(message, header);
  // The digests that a login agrees on decide where everything after it begins, so it is read whole.
  if (message.kind == MessageKind::login_response && bytes.size() < message.bytes && message.bytes <= bytes_needed_most)
    return need(message.bytes);
  const std::uint64_t digest_at = iscsi::bhs_bytes + layout.ahs_bytes;
  message.header_digest = {digest_at, layout.header_digest_bytes};
  message.data = {digest_at + layout.header_digest_bytes, layout.data_bytes};
  message.data_digest = {message.data.offset + layout.data_bytes + layout.padding_bytes, layout.data_digest_bytes};
  if (message.kind == MessageKind::login_response && bytes.size() >= message.bytes) note_login(bytes, layout);
  return found;
}

void Framing::note_login(std::span<const std::byte> bytes, const iscsi::PduLayout& layout) {
  const auto header = iscsi::from_bytes<iscsi::LoginResponseBhs>(bytes.first<iscsi::bhs_bytes>());
  const auto text_bytes = bytes.subspan(iscsi::bhs_bytes + layout.ahs_bytes, layout.data_bytes);
  const std::string_view text(reinterpret_cast<const char*>(text_bytes.data()), text_bytes.size());
  if (text.find("HeaderDigest=CRC32C") != std::string_view::npos) agreed_.header = true;
  if (text.find("DataDigest=CRC32C") != std::string_view::npos) agreed_.data = true;
  const bool begins_full_feature =
      header.flags.transit() && header.flags.next_stage() == iscsi::LoginStage::full_feature_phase;
  if (begins_full_feature) in_force_ = agreed_;
}

Found Framing::look_at_rpc(Way way, std::span<const std::byte> bytes) const {
  constexpr std::uint32_t last_fragment = 0x8000'0000;
  constexpr std::uint32_t mark_bytes = 4;
  if (bytes.size() < mark_bytes) return need(mark_bytes);
  Found found{.what = Found::What::message};
  Message& message = found.message;
  message.protocol = Protocol::rpc;
  message.way = way;
  message.role = way == Way::out ? MessageKind::request : MessageKind::reply;
  const std::uint32_t fragment_bytes = word_at(bytes, 0) & ~last_fragment;
  message.bytes = mark_bytes + std::uint64_t{fragment_bytes};
  message.spoilt_header_byte = mark_bytes + 3;  // in the XID
  message.data = {mark_bytes, fragment_bytes};
  return found;
}

}  // namespace holdfast::initiator
