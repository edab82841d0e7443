#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/iscsi/framing.h"
#include "common/iscsi/memory_cursor.h"
#include "common/iscsi/pdu.h"

namespace holdfast::iscsi {

/// PDUs on their way into one sendmsg: headers as copies, data segments as references that stay
/// valid until the batch has been sent. All room in it is fixed.
class Batch {
 public:
  static constexpr std::size_t headers_max = 128;
  static constexpr std::size_t vectors_max = 512;
  /// A batch takes no more PDUs once it holds as many bytes.
  static constexpr std::size_t bytes_enough = 1024 * 1024;

  /// With which headers and data segments are followed by their CRC32C (RFC 7143 section 11.2.1).
  explicit Batch(Digests digests) : digests_(digests) {}

  void clear();
  bool empty() const { return headers_ == 0; }
  /// Whether one more PDU whose data lies in `data_vectors` pieces finds room.
  bool has_room(std::size_t data_vectors) const {
    return headers_ < headers_max && vectors_ + data_vectors + frame_vectors <= vectors_max && bytes_ < bytes_enough;
  }
  /// How many pieces of data the next PDU may have.
  std::size_t pieces_max() const { return vectors_max - vectors_ - frame_vectors; }

  /// Adds a header, whose data length is set.
  template <Bhs T>
  void add(const T& header) {
    add_header(to_bytes(header));
  }
  /// Adds a piece of the last header's data segment.
  void add_data(const void* data, std::size_t bytes);
  /// Ends the last header's data segment of `bytes` with its padding and its digest.
  void pad(std::size_t bytes);
  /// The last header's data segment are the next `bytes` of `data`, in at most `pieces_max` pieces.
  void add_segment(MemoryCursor& data, std::size_t bytes);

  /// What is still to be sent; nullptr when all was.
  const msghdr* message();
  /// The kernel took that many bytes.
  void consumed(std::size_t bytes);

 private:
  static constexpr std::size_t frame_vectors = 3;  // header, padding, digest

  void add_header(const HeaderBytes& header);

  /// A header as it goes on the wire, its digest behind it.
  struct Header {
    HeaderBytes bytes;
    DigestBytes digest;
  };
  static_assert(sizeof(Header) == bhs_bytes + digest_bytes);

  const Digests digests_;
  std::array<Header, headers_max> header_bytes_;
  std::array<DigestBytes, headers_max> data_digests_;
  std::array<iovec, vectors_max> vector_;
  std::size_t headers_ = 0;
  std::size_t vectors_ = 0;
  std::size_t segment_ = 0;  // the first vector of the last header's data segment
  std::size_t first_ = 0;    // of the vectors that are not wholly sent
  std::size_t bytes_ = 0;
  msghdr message_{};
};

}  // namespace holdfast::iscsi
