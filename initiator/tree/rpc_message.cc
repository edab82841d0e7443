#include "initiator/tree/rpc_message.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "common/base/endian.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t rpc_version = 2;
constexpr std::uint32_t message_call = 0, message_reply = 1;
constexpr std::uint32_t auth_none = 0, auth_sys = 1;
constexpr std::uint32_t message_accepted = 0;
constexpr std::uint32_t accept_success = 0, accept_program_mismatch = 2;
constexpr std::uint32_t reject_version_mismatch = 0;
constexpr std::size_t machine_bytes_max = 255;
constexpr std::size_t verifier_bytes_max = 400;

constexpr std::array<const char*, 6> accept_words = {
    "success",           "it does not serve this program", "it does not serve this version",
    "no such procedure", "it cannot decode the arguments", "it failed inside"};
constexpr std::array<const char*, 6> auth_words = {
    "authentication failed",         "the credentials are malformed", "the credentials were rejected",
    "the verifier is malformed",     "the verifier was rejected",     "a stronger authentication is asked for"};

Error malformed(const char* what) {
  return Error{ErrorKind::protocol, EPROTO, fmt::format("the answer is no RPC reply: {}", what)};
}

/// Takes big-endian words off the front of a message.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::optional<std::uint32_t> word() {
    if (bytes_.size() - at_ < 4) return std::nullopt;
    be32 value;
    std::memcpy(&value, bytes_.data() + at_, 4);
    at_ += 4;
    return value.value();
  }
  bool skip(std::size_t bytes) {
    if (bytes_.size() - at_ < bytes) return false;
    at_ += bytes;
    return true;
  }
  std::size_t at() const { return at_; }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

Error rejected(Reader& reader) {
  const std::optional<std::uint32_t> kind = reader.word();
  if (!kind) return malformed("it ends within the rejection");
  if (*kind == reject_version_mismatch)
    return Error{ErrorKind::protocol, EPROTO, "the server does not speak RPC version 2"};
  const std::uint32_t why = reader.word().value_or(0);
  return Error{ErrorKind::refused, EACCES,
               fmt::format("the server rejected our AUTH_SYS identity: {}",
                           why < auth_words.size() ? auth_words[why] : "for an unknown reason")};
}

}  // namespace

RpcCredential RpcCredential::own() {
  char host[machine_bytes_max + 1] = "";
  ::gethostname(host, sizeof host - 1);
  return {.machine = host, .uid = ::geteuid(), .gid = ::getegid()};
}

void append_be32(std::vector<std::byte>& message, std::uint32_t value) {
  const be32 word = value;
  const auto* bytes = reinterpret_cast<const std::byte*>(&word);
  message.insert(message.end(), bytes, bytes + sizeof word);
}

void append_opaque(std::vector<std::byte>& message, std::span<const std::byte> bytes) {
  append_be32(message, static_cast<std::uint32_t>(bytes.size()));
  message.insert(message.end(), bytes.begin(), bytes.end());
  message.resize((message.size() + 3) / 4 * 4);
}

void append_call(std::vector<std::byte>& message, std::uint32_t xid, const RpcProgram& program,
                 std::uint32_t procedure, const RpcCredential& credential) {
  append_be32(message, 0);  // The record mark, known when the message is whole.
  for (const std::uint32_t word : {xid, message_call, rpc_version, program.number, program.version, procedure})
    append_be32(message, word);
  append_be32(message, auth_sys);
  const std::size_t length_at = message.size();
  append_be32(message, 0);
  append_be32(message, 0);  // the stamp, which nobody looks at
  append_opaque(message, std::as_bytes(std::span(credential.machine)));
  append_be32(message, credential.uid);
  append_be32(message, credential.gid);
  append_be32(message, 0);  // no further groups
  const be32 length = static_cast<std::uint32_t>(message.size() - length_at - 4);
  std::memcpy(message.data() + length_at, &length, sizeof length);
  append_be32(message, auth_none);
  append_be32(message, 0);
}

Result<std::uint32_t> reply_xid(std::span<const std::byte> reply) {
  Reader reader(reply);
  const std::optional<std::uint32_t> xid = reader.word();
  const std::optional<std::uint32_t> kind = reader.word();
  if (!kind) return malformed("it is too short");
  if (*kind != message_reply) return malformed("it is a call");
  return *xid;
}

Result<std::span<std::byte>> reply_results(std::span<std::byte> reply) {
  Reader reader(reply);
  reader.skip(8);
  const std::optional<std::uint32_t> state = reader.word();
  if (!state) return malformed("it is too short");
  if (*state != message_accepted) return rejected(reader);
  reader.word();  // the verifier's flavor
  const std::optional<std::uint32_t> verifier = reader.word();
  if (!verifier || *verifier > verifier_bytes_max || !reader.skip((*verifier + 3) / 4 * 4))
    return malformed("its verifier has no end");
  const std::optional<std::uint32_t> outcome = reader.word();
  if (!outcome) return malformed("it has no outcome");
  if (*outcome == accept_success) return reply.subspan(reader.at());
  std::string words = *outcome < accept_words.size() ? accept_words[*outcome] : "for an unknown reason";
  if (*outcome == accept_program_mismatch) {
    const std::uint32_t low = reader.word().value_or(0);
    const std::uint32_t high = reader.word().value_or(0);
    words += fmt::format(", only {} to {}", low, high);
  }
  return Error{ErrorKind::protocol, EPROTONOSUPPORT, "the server refused the call: " + words};
}

}  // namespace holdfast::initiator
