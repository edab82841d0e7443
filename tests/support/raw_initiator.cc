#include "tests/support/raw_initiator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <stdexcept>

#include "common/iscsi/framing.h"

namespace holdfast {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

Deadline in(RawInitiator::Milliseconds time) { return std::chrono::steady_clock::now() + time; }

bool wait_for(int fd, short events, Deadline until) {
  for (;;) {
    const auto left = std::chrono::ceil<RawInitiator::Milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd ready{fd, events, 0};
    const int got = ::poll(&ready, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (got > 0) return true;
    if (got == 0) return false;
    if (errno != EINTR) throw std::runtime_error("poll failed");
  }
}

}  // namespace

RawInitiator::RawInitiator(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
}

void RawInitiator::log_in(const Login& login) {
  std::string text = "InitiatorName=" + login.initiator + ";TargetName=" + login.target +
                     ";SessionType=Normal;" + login.keys;
  // Every key is named, so that the target has nothing to ask and the login is over in one round.
  for (const std::string_view key :
       {"InitialR2T=No", "ImmediateData=Yes", "MaxRecvDataSegmentLength=262144",
        "MaxBurstLength=262144", "FirstBurstLength=262144", "MaxOutstandingR2T=1",
        "MaxConnections=1", "DefaultTime2Wait=2", "DefaultTime2Retain=0", "DataPDUInOrder=Yes",
        "DataSequenceInOrder=Yes", "ErrorRecoveryLevel=0"}) {
    const std::string_view name = key.substr(0, key.find('=') + 1);
    if (login.tsih == 0 && (";" + login.keys).find(";" + std::string(name)) == std::string::npos)
      text += std::string(key) + ";";
  }
  std::replace(text.begin(), text.end(), ';', '\0');
  iscsi::LoginRequestBhs request;
  request.flags = iscsi::LoginFlags::make(true, false, iscsi::LoginStage::operational_negotiation,
                                          iscsi::LoginStage::full_feature_phase);
  request.isid = {0x80, 0, 0, 0, 0, login.isid_tail};
  request.tsih = login.tsih;
  request.cid = login.cid;
  request.cmd_sn = cmd_sn = login.cmd_sn;
  send(request, text);
  const auto response = receive_as<iscsi::LoginResponseBhs>();
  if (response.login_status() != iscsi::LoginStatus::success || !response.flags.transit()) {
    throw std::runtime_error("the login was answered with status " +
                             std::to_string(response.status.value()));
  }
  tsih = response.tsih;
}

namespace {

/// The digest as it goes on the wire; a wrong one if `spoilt`.
std::string digest_over(std::string_view bytes, bool spoilt) {
  iscsi::Crc32c crc;
  crc.add(std::as_bytes(std::span(bytes)));
  const iscsi::DigestBytes wire = crc.wire();
  std::string digest(reinterpret_cast<const char*>(wire.data()), wire.size());
  if (spoilt) digest[2] = static_cast<char>(digest[2] ^ 0x10);
  return digest;
}

}  // namespace

void RawInitiator::send_pdu(const iscsi::HeaderBytes& header, std::string_view data) {
  std::string bytes(reinterpret_cast<const char*>(header.data()), header.size());
  if (digests_.header) bytes += digest_over(bytes, std::exchange(spoil_header_, false));
  std::string segment(data);
  segment.append(iscsi::padding_of(static_cast<std::uint32_t>(data.size())), '\0');
  bytes += segment;
  if (digests_.data && !data.empty()) bytes += digest_over(segment, std::exchange(spoil_data_, false));
  send_bytes(bytes);
}

void RawInitiator::send_bytes(std::string_view bytes) {
  const Deadline until = in(patience);
  while (!bytes.empty()) {
    if (!wait_for(socket_.get(), POLLOUT, until))
      throw std::runtime_error("the target takes no more bytes");
    const ssize_t sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN) continue;
    if (sent < 0) throw std::runtime_error("the connection broke while sending");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool RawInitiator::gather(char* to, std::size_t bytes, Deadline until) {
  for (std::size_t got = 0; got < bytes;) {
    const bool ready = wait_for(socket_.get(), POLLIN, until);
    const ssize_t part = ready ? ::recv(socket_.get(), to + got, bytes - got, 0) : 0;
    if (part > 0) {
      got += static_cast<std::size_t>(part);
      continue;
    }
    if (got > 0) throw std::runtime_error("a PDU came only in part");
    if (ready) throw std::runtime_error("the target closed the connection");
    return false;
  }
  return true;
}

std::optional<RawInitiator::Pdu> RawInitiator::receive_if_any(Milliseconds within) {
  iscsi::HeaderBytes header{};
  if (!gather(reinterpret_cast<char*>(header.data()), header.size(), in(within)))
    return std::nullopt;
  Pdu pdu;
  pdu.header = iscsi::from_bytes<iscsi::GenericBhs>(std::span<const std::byte, 48>(header));
  const iscsi::PduLayout layout = iscsi::layout_of(pdu.header, digests_);
  std::string rest(layout.after_header(), '\0');
  if (!rest.empty() && !gather(rest.data(), rest.size(), in(patience)))
    throw std::runtime_error("a data segment did not come");
  if (digests_.header) {
    std::string covered(reinterpret_cast<const char*>(header.data()), header.size());
    covered += rest.substr(0, layout.ahs_bytes);
    if (rest.substr(layout.ahs_bytes, iscsi::digest_bytes) != digest_over(covered, false))
      throw std::runtime_error("a header digest of the target's is wrong");
  }
  const std::size_t segment = layout.ahs_bytes + layout.header_digest_bytes;
  const std::size_t padded = layout.data_bytes + layout.padding_bytes;
  if (layout.data_digest_bytes > 0 && rest.substr(segment + padded) != digest_over(rest.substr(segment, padded), false))
    throw std::runtime_error("a data digest of the target's is wrong");
  pdu.data = rest.substr(segment, layout.data_bytes);
  note_numbers(pdu.header);
  return pdu;
}

RawInitiator::Pdu RawInitiator::receive(Milliseconds within) {
  std::optional<Pdu> pdu = receive_if_any(within);
  if (!pdu) throw std::runtime_error("nothing came");
  return std::move(*pdu);
}

/// Every PDU of a target's has them in the same place; only responses have a StatSN of their own.
void RawInitiator::note_numbers(const iscsi::GenericBhs& header) {
  const auto numbers = iscsi::as<iscsi::NopInBhs>(header);
  exp_cmd_sn = numbers.exp_cmd_sn;
  max_cmd_sn = numbers.max_cmd_sn;
  const iscsi::Opcode opcode = header.opcode.opcode();
  const bool is_response =
      opcode == iscsi::Opcode::data_in
          ? (header.flags & iscsi::DataInBhs::status_bit) != 0
          : opcode != iscsi::Opcode::r2t && header.initiator_task_tag != iscsi::reserved_tag;
  if (is_response) stat_sn = numbers.stat_sn;
}

bool RawInitiator::is_closed(Milliseconds within) {
  const Deadline until = in(within);
  char swallowed[65536];
  while (wait_for(socket_.get(), POLLIN, until)) {
    if (::recv(socket_.get(), swallowed, sizeof swallowed, 0) <= 0) return true;
  }
  return false;
}

void RawInitiator::reset() {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket_.reset();
}

void RawInitiator::expect_opcode(const Pdu& pdu, iscsi::Opcode opcode) {
  if (pdu.opcode() == opcode) return;
  std::string words = "expected " + std::string(iscsi::name_of(opcode)) + ", got " +
                      std::string(iscsi::name_of(pdu.opcode()));
  if (pdu.opcode() == iscsi::Opcode::scsi_response)
    words += " with status " + std::to_string(pdu.as<iscsi::ScsiResponseBhs>().status);
  if (pdu.opcode() == iscsi::Opcode::reject)
    words += " for reason " +
             std::to_string(static_cast<int>(pdu.as<iscsi::RejectBhs>().reason));
  throw std::runtime_error(words);
}

iscsi::ScsiCommandBhs RawInitiator::command(std::uint32_t tag,
                                            const std::array<std::uint8_t, 16>& cdb,
                                            std::uint8_t flags, std::uint32_t expected) {
  iscsi::ScsiCommandBhs header;
  header.flags = static_cast<std::uint8_t>(iscsi::final_bit | flags |
                                           static_cast<int>(iscsi::TaskAttribute::simple));
  header.initiator_task_tag = tag;
  header.expected_data_transfer_length = expected;
  header.cmd_sn = cmd_sn++;
  header.exp_stat_sn = stat_sn + 1;
  header.cdb = cdb;
  return header;
}

namespace {

std::array<std::uint8_t, 16> cdb10(std::uint8_t opcode, std::uint32_t lba, std::uint16_t blocks) {
  return {opcode,
          0,
          static_cast<std::uint8_t>(lba >> 24),
          static_cast<std::uint8_t>(lba >> 16),
          static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba),
          0,
          static_cast<std::uint8_t>(blocks >> 8),
          static_cast<std::uint8_t>(blocks)};
}

constexpr std::uint32_t block_bytes = 512;

}  // namespace

iscsi::ScsiCommandBhs RawInitiator::read10(std::uint32_t tag, std::uint32_t lba,
                                           std::uint16_t blocks) {
  return command(tag, cdb10(0x28, lba, blocks), iscsi::ScsiCommandBhs::read_bit,
                 block_bytes * blocks);
}

iscsi::ScsiCommandBhs RawInitiator::write10(std::uint32_t tag, std::uint32_t lba,
                                            std::uint16_t blocks) {
  return command(tag, cdb10(0x2a, lba, blocks), iscsi::ScsiCommandBhs::write_bit,
                 block_bytes * blocks);
}

iscsi::ScsiCommandBhs RawInitiator::test_unit_ready(std::uint32_t tag) {
  return command(tag, {}, 0, 0);
}

void RawInitiator::clear_unit_attention() {
  send(test_unit_ready(0xa77e));
  finish(0xa77e);
}

std::string RawInitiator::read(std::uint32_t tag, std::uint32_t lba, std::uint16_t blocks) {
  send(read10(tag, lba, blocks));
  std::string data;
  const std::uint8_t status = finish(tag, &data);
  if (status != 0) throw std::runtime_error("READ ended with status " + std::to_string(status));
  return data;
}

std::uint8_t RawInitiator::finish(std::uint32_t tag, std::string* data_in) {
  for (;;) {
    last_ = receive();
    if (last_.header.initiator_task_tag != tag)
      throw std::runtime_error("a PDU of another command came");
    if (last_.opcode() != iscsi::Opcode::data_in) break;
    const auto header = last_.as<iscsi::DataInBhs>();
    if (data_in != nullptr) {
      if (header.buffer_offset != data_in->size())
        throw std::runtime_error("a Data-In out of order");
      *data_in += last_.data;
    }
    if ((header.flags & iscsi::DataInBhs::status_bit) != 0) return header.status;
  }
  return expect<iscsi::ScsiResponseBhs>(last_).status;
}

void RawInitiator::answer(const iscsi::R2tBhs& r2t, std::string_view data) {
  iscsi::DataOutBhs header;
  header.flags = iscsi::final_bit;
  header.initiator_task_tag = r2t.initiator_task_tag;
  header.target_transfer_tag = r2t.target_transfer_tag;
  header.buffer_offset = r2t.buffer_offset;
  send(header, data);
}

}  // namespace holdfast
