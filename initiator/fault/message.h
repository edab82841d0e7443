#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What goes through the proxy, as far as it is understood: messages, which are iSCSI's PDUs, NBD's and
// RPC's requests and replies, and UDP's datagrams.

namespace holdfast::initiator {

/// Which way bytes go, as the initiator sees it.
enum class Way : std::uint8_t {
  out,  // from the initiator to the server
  in,   // from the server to the initiator
};
inline constexpr std::array<Way, 2> both_ways = {Way::out, Way::in};
constexpr Way opposite(Way way) { return way == Way::out ? Way::in : Way::out; }

/// One value for each way.
template <typename T>
class PerWay {
 public:
  T& operator[](Way way) { return values_[static_cast<std::size_t>(way)]; }
  const T& operator[](Way way) const { return values_[static_cast<std::size_t>(way)]; }

 private:
  std::array<T, 2> values_{};
};

enum class Protocol : std::uint8_t { iscsi, nbd, rpc, datagrams };

/// A kind of message, as steps name it.
enum class MessageKind : std::uint8_t {
  message,  // any
  request, reply,  // a command and its answer, in any protocol
  read, write,     // requests by what they ask for (iSCSI, NBD)
  // RFC 7143, in the order of its opcodes.
  nop_out, scsi_command, task_management_request, login_request, text_request, data_out, logout_request,
  snack_request,
  nop_in, scsi_response, task_management_response, login_response, text_response, data_in, logout_response, r2t,
  async_message, reject,
  datagram,
};

/// "r2t", "scsi-command", ….
std::string_view name_of(MessageKind kind);
std::optional<MessageKind> message_kind(std::string_view name);
/// Every name, for those who spell one wrongly.
std::string message_kind_names();

/// A stretch of a message, in bytes from its start.
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// One message, known from its header: enough to tell its kind, its length and where its parts are.
struct Message {
  Protocol protocol = Protocol::iscsi;
  Way way = Way::out;
  MessageKind kind = MessageKind::message;  // what it is in its protocol
  std::optional<MessageKind> role;          // request or reply, if it is either
  std::optional<MessageKind> access;        // read or write, if it asks for either
  /// All of it, as it stands on the wire.
  std::uint64_t bytes = 0;
  /// A byte of the header that can be spoilt without losing the place in the stream.
  std::uint32_t spoilt_header_byte = 0;
  Stretch data{};  // without padding
  Stretch header_digest{};
  Stretch data_digest{};
  /// It takes a StatSN of its own (RFC 7143 section 4.2.2.2).
  bool takes_stat_sn = false;

  bool is(MessageKind asked) const;
};

}  // namespace holdfast::initiator
