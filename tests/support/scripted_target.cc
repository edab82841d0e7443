#include "tests/support/scripted_target.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/runtime/socket.h"

namespace holdfast::testing_support {
namespace {

constexpr std::uint32_t block_bytes = 512;

void put(std::span<std::uint8_t> bytes, std::size_t offset, std::size_t count, std::uint64_t value) {
  for (std::size_t i = 0; i < count; ++i)
    bytes[offset + i] = static_cast<std::uint8_t>(value >> (8 * (count - 1 - i)));
}

std::uint64_t get(std::span<const std::uint8_t> bytes, std::size_t offset, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[offset + i];
  return value;
}

void send_all(int fd, const void* data, std::size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t sent = ::send(fd, at, bytes, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += sent;
    bytes -= static_cast<std::size_t>(sent);
  }
}

void send_rubbish(int fd) {
  const std::string rubbish(4096, '\xff');
  send_all(fd, rubbish.data(), rubbish.size());
}

}  // namespace

ScriptedTarget::ScriptedTarget(Script script, std::uint16_t port) : script_(std::move(script)), disk_(disk_bytes) {
  const Result<SocketAddress> any = SocketAddress::parse("127.0.0.1", port);
  CHECK(any.ok());
  Result<Fd> listener = listen_tcp(*any, 16);
  CHECK(listener.ok());
  listener_ = std::move(listener).value();
  port_ = local_address(listener_.get()).port();
  thread_ = std::thread([this] { serve(); });
}

ScriptedTarget::~ScriptedTarget() {
  over_ = true;
  thread_.join();
}

std::string ScriptedTarget::url() const { return fmt::format("iscsi://127.0.0.1:{}/{}/0", port_, target); }

void ScriptedTarget::serve() {
  while (wait_for(listener_.get())) {
    Fd connection(::accept(listener_.get(), nullptr, nullptr));
    if (!connection) continue;
    ++connections_;
    serve_connection(connection.get());
  }
}

/// Waits until there is something to read; false when the test is over.
bool ScriptedTarget::wait_for(int fd) {
  while (!over_) {
    pollfd readable{fd, POLLIN, 0};
    if (::poll(&readable, 1, 10) > 0) return true;
    if (fd != listener_.get() && garbage_wanted_.exchange(false)) send_rubbish(fd);
  }
  return false;
}

void ScriptedTarget::serve_connection(int fd) {
  stat_sn_ = 1;
  Header header{};
  std::vector<std::uint8_t> data;
  while (read_pdu(fd, header, data)) {
    const std::uint8_t opcode = header[0] & 0x3f;
    if (opcode == 0x03 && !log_in(fd, header)) return;
    if (opcode == 0x01 && !execute(fd, header, data)) return;
    if (opcode == 0x06 && !script_.ignore_logout) {
      Header response{};
      response[0] = 0x26;
      response[1] = 0x80;
      std::copy_n(&header[16], 4, &response[16]);
      send_pdu(fd, response, {});
      return;
    }
  }
}

bool ScriptedTarget::read_exactly(int fd, void* data, std::size_t bytes) {
  auto* at = static_cast<char*>(data);
  while (bytes > 0) {
    if (!wait_for(fd)) return false;
    const ssize_t got = ::recv(fd, at, bytes, 0);
    if (got <= 0) return false;
    at += got;
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

bool ScriptedTarget::read_pdu(int fd, Header& header, std::vector<std::uint8_t>& data) {
  if (!read_exactly(fd, header.data(), header.size())) return false;
  data.resize((get(header, 5, 3) + 3) & ~std::uint64_t{3});
  return data.empty() || read_exactly(fd, data.data(), data.size());
}

void ScriptedTarget::send_pdu(int fd, Header header, std::span<const std::uint8_t> data) {
  put(header, 5, 3, data.size());
  put(header, 24, 4, stat_sn_++);
  put(header, 28, 4, exp_cmd_sn_);
  put(header, 32, 4, exp_cmd_sn_ + 64);
  std::vector<std::uint8_t> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  bytes.resize((bytes.size() + 3) & ~std::size_t{3});
  send_all(fd, bytes.data(), bytes.size());
}

bool ScriptedTarget::log_in(int fd, const Header& request) {
  switch (script_.greeting) {
    case Greeting::ignore: return true;
    case Greeting::close: return false;
    case Greeting::garbage: send_rubbish(fd); return true;
    default: break;
  }
  exp_cmd_sn_ = static_cast<std::uint32_t>(get(request, 24, 4));
  Header response{};
  response[0] = 0x23;
  response[1] = request[1];
  std::copy_n(&request[8], 6, &response[8]);
  put(response, 14, 2, 1);
  std::copy_n(&request[16], 4, &response[16]);
  std::string text;
  const bool security = (request[1] & 0x0c) == 0;
  if (script_.greeting == Greeting::accept)
    text = security ? std::string("AuthMethod=None\0TargetPortalGroupTag=1\0", 39)
                    : std::string("MaxBurstLength=262144\0MaxRecvDataSegmentLength=8192\0", 52);
  if (script_.greeting == Greeting::refuse) put(response, 36, 2, 0x0201);
  if (script_.greeting == Greeting::redirect) {
    put(response, 36, 2, 0x0101);
    text = "TargetAddress=" + script_.redirect_to;
    text += '\0';
  }
  send_pdu(fd, response, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return true;
}

bool ScriptedTarget::execute(int fd, const Header& request, std::span<const std::uint8_t> immediate) {
  ++commands_;
  ++exp_cmd_sn_;
  Cdb cdb{};
  std::copy_n(&request[32], 16, cdb.begin());
  const Reply reply = script_.on_command(cdb, usual_reply(cdb, immediate));
  switch (reply.act) {
    case Reply::Act::ignore: return true;
    case Reply::Act::close: return false;
    case Reply::Act::garbage: send_rubbish(fd); return true;
    case Reply::Act::answer: respond(fd, request, reply); return true;
  }
  return true;
}

ScriptedTarget::Reply ScriptedTarget::usual_reply(const Cdb& cdb, std::span<const std::uint8_t> immediate) {
  Reply reply;
  const bool is_long = cdb[0] == 0x88 || cdb[0] == 0x8a;
  const std::size_t offset = get(cdb, 2, is_long ? 8 : 4) * block_bytes;
  const std::size_t bytes = get(cdb, is_long ? 10 : 7, is_long ? 4 : 2) * block_bytes;
  switch (cdb[0]) {
    case 0x00: case 0x35: case 0x91: break;
    case 0x12: {
      if ((cdb[1] & 1) != 0 && cdb[2] != 0) return Reply::sense(5, 0x2400);
      const std::string words = "TESTER  SCRIPTED DISK   0001";
      reply.data.resize((cdb[1] & 1) != 0 ? 5 : 36);
      if ((cdb[1] & 1) != 0) reply.data[3] = 1;
      else std::copy(words.begin(), words.end(), reply.data.begin() + 8);
      break;
    }
    case 0x25:
      reply.data.resize(8);
      put(reply.data, 0, 4, disk_bytes / block_bytes - 1);
      put(reply.data, 4, 4, block_bytes);
      break;
    case 0x9e:
      reply.data.resize(32);
      put(reply.data, 0, 8, disk_bytes / block_bytes - 1);
      put(reply.data, 8, 4, block_bytes);
      break;
    case 0x1a: reply.data = {3, 0, 0, 0}; break;
    case 0x28: case 0x88: {
      const auto from = disk_.begin() + static_cast<std::ptrdiff_t>(offset);
      reply.data.assign(from, from + static_cast<std::ptrdiff_t>(bytes));
      break;
    }
    case 0x2a: case 0x8a:
      std::copy_n(immediate.begin(), bytes, disk_.begin() + static_cast<std::ptrdiff_t>(offset));
      break;
    default: return Reply::sense(5, 0x2000);
  }
  return reply;
}

void ScriptedTarget::respond(int fd, const Header& request, const Reply& reply) {
  Header response{};
  std::copy_n(&request[16], 4, &response[16]);
  response[3] = reply.status;
  response[1] = 0x80;
  if (reply.underflow > 0) {
    response[1] |= 0x02;
    put(response, 44, 4, reply.underflow);
  }
  if (reply.status == 0 && !reply.data.empty()) {
    response[0] = 0x25;
    response[1] |= 0x01;
    send_pdu(fd, response, reply.data);
    return;
  }
  response[0] = 0x21;
  std::vector<std::uint8_t> sense;
  if (reply.status == 2) {
    sense.resize(20);
    put(sense, 0, 2, 18);
    sense[2] = 0x70;
    sense[4] = reply.sense_key;
    sense[9] = 10;
    put(sense, 14, 2, reply.asc_ascq);
  }
  send_pdu(fd, response, sense);
}

}  // namespace holdfast::testing_support
