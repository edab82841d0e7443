#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "target/session/command_window.h"

namespace holdfast::target {

/// What StatSN a PDU carries (RFC 7143 section 4.2.2.2).
enum class StatSn : std::uint8_t {
  takes,  // it is a response: the number is its own, and the next one is the next response's
  shows,  // it shows the number that the next response will take
  none,   // the field is reserved
};

/// The numbers that every PDU of ours shows: the connection's StatSN and the session's window.
struct Numbers {
  CommandWindow& window;
  std::uint32_t stat_sn = 0;  // the next response's
};

/// PDUs on their way into one sendmsg: headers as copies, data segments as references that stay
/// valid until the batch has been sent. All room in it is fixed.
class Batch {
 public:
  static constexpr std::size_t headers_max = 64;
  static constexpr std::size_t vectors_max = 256;
  /// A batch takes no more PDUs once it holds as many bytes.
  static constexpr std::size_t bytes_enough = 1024 * 1024;

  /// Whether headers and data segments are followed by their CRC32C (RFC 7143 section 11.2.1).
  void use_digests(iscsi::Digests digests) { digests_ = digests; }

  void clear();
  bool empty() const { return headers_ == 0; }
  /// Whether one more PDU whose data lies in `data_vectors` pieces finds room.
  bool has_room(std::size_t data_vectors) const {
    return headers_ < headers_max && vectors_ + data_vectors + 3 <= vectors_max &&
           bytes_ < bytes_enough;
  }

  /// Adds a header, stamped with `numbers` (whose StatSN moves on if the PDU takes it).
  template <iscsi::Bhs T>
  void add(T header, StatSn stat_sn, Numbers& numbers) {
    if (stat_sn != StatSn::none) header.stat_sn = numbers.stat_sn;
    if (stat_sn == StatSn::takes) ++numbers.stat_sn;
    header.exp_cmd_sn = numbers.window.exp_cmd_sn();
    header.max_cmd_sn = numbers.window.advance_max_cmd_sn();
    add_header(iscsi::to_bytes(header));
  }
  /// Adds a piece of the last header's data segment.
  void add_data(const void* data, std::size_t bytes);
  /// Ends the last header's data segment of `bytes` with its padding and its digest.
  void pad(std::size_t bytes);

  /// What is still to be sent; nullptr when all was.
  const msghdr* message();
  /// The kernel took that many bytes.
  void consumed(std::size_t bytes);

 private:
  void add_header(const iscsi::HeaderBytes& header);

  /// A header as it goes on the wire, its digest behind it.
  struct Header {
    iscsi::HeaderBytes bytes;
    iscsi::DigestBytes digest;
  };
  static_assert(sizeof(Header) == iscsi::bhs_bytes + iscsi::digest_bytes);

  iscsi::Digests digests_;
  std::array<Header, headers_max> header_bytes_;
  std::array<iscsi::DigestBytes, headers_max> data_digests_;
  std::array<iovec, vectors_max> vector_;
  std::size_t headers_ = 0;
  std::size_t vectors_ = 0;
  std::size_t segment_ = 0;  // the first vector of the last header's data segment
  std::size_t first_ = 0;  // of the vectors that are not wholly sent
  std::size_t bytes_ = 0;
  msghdr message_{};
};

}  // namespace holdfast::target
