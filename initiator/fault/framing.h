#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>

#include "common/iscsi/framing.h"
#include "initiator/fault/message.h"

namespace holdfast::initiator {

/// What stands at a message's start.
struct Found {
  enum class What : std::uint8_t {
    need_more,  // so many bytes from the message's start are needed to tell: `bytes`
    message,    // a message
    bytes,      // nothing that we understand, from here to the end of the connection
  };
  What what = What::need_more;
  std::uint64_t bytes = 0;
  Message message{};
};

/// Where the messages of one connection begin and end. Whoever speaks first says which protocol it is:
/// an iSCSI login request, an NBD greeting, an RPC call; anything else is bytes. Pure; any bytes
/// whatever may be given to it.
class Framing {
 public:
  /// `bytes` begins with a message that goes `way`, or with as much of it as has come. Called until
  /// it finds the message, once for each, in the order of the stream; a reply after its request.
  Found look(Way way, std::span<const std::byte> bytes);

  /// No message is longer than what is needed to tell its length.
  static constexpr std::uint64_t bytes_needed_most = 128 * 1024;

 private:
  Found recognize(Way way, std::span<const std::byte> bytes);
  Found look_at_iscsi(Way way, std::span<const std::byte> bytes);
  Found look_at_nbd(Way way, std::span<const std::byte> bytes);
  Found look_at_nbd_request(std::span<const std::byte> bytes);
  Found look_at_nbd_answer(std::span<const std::byte> bytes);
  Found look_at_rpc(Way way, std::span<const std::byte> bytes) const;
  void note_login(std::span<const std::byte> bytes, const iscsi::PduLayout& layout);
  Found give_up(Way way);

  std::optional<Protocol> protocol_;
  PerWay<bool> lost_;
  // iSCSI: what the login has come to so far.
  iscsi::Digests agreed_;
  iscsi::Digests in_force_;
  // NBD: replies to these reads bring so many bytes each, where the server does not say how many.
  std::unordered_map<std::uint64_t, std::uint32_t> reads_;
  bool greeted_ = false;
  bool export_named_ = false;
  bool no_zeroes_ = false;
};

}  // namespace holdfast::initiator
