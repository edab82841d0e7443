#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <span>

#include "common/iscsi/digest.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "initiator/device/native/memory_cursor.h"

namespace holdfast::initiator {

/// PDUs on their way into one sendmsg: headers as copies, data as references that stay valid until the
/// batch was sent. All room in it is fixed.
class PduBatch {
 public:
  static constexpr std::size_t pdus_max = 128;
  static constexpr std::size_t vectors_max = 1024;  // UIO_MAXIOV
  /// A batch takes no more PDUs once it holds as many bytes.
  static constexpr std::size_t bytes_enough = 1024 * 1024;

  explicit PduBatch(iscsi::Digests digests) : digests_(digests) {}

  void clear();
  bool empty() const { return pdus_ == 0; }
  /// Whether one more PDU finds room, with its data in a few pieces at least.
  bool has_room() const {
    return pdus_ < pdus_max && vectors_ + vectors_per_pdu_min <= vectors_max && bytes_ < bytes_enough;
  }
  /// How many pieces of data the next PDU may have.
  std::size_t pieces_max() const { return vectors_max - vectors_ - frame_vectors; }

  /// Adds a PDU. Its header's data length is set, and its data are the next so many bytes of `data`,
  /// which lie in at most `pieces_max` pieces.
  void add(const iscsi::HeaderBytes& header, std::size_t data_bytes, MemoryCursor& data);

  /// What is still to be sent; nullptr when all was.
  const msghdr* message();
  /// The kernel took that many bytes.
  void consumed(std::size_t bytes);

 private:
  static constexpr std::size_t frame_vectors = 3;  // header, padding, digest
  static constexpr std::size_t vectors_per_pdu_min = frame_vectors + 8;

  /// A header as it goes on the wire, its digest behind it.
  struct Header {
    iscsi::HeaderBytes bytes;
    iscsi::DigestBytes digest;
  };
  static_assert(sizeof(Header) == iscsi::bhs_bytes + iscsi::digest_bytes);

  void refer(const void* data, std::size_t bytes);

  const iscsi::Digests digests_;
  std::array<Header, pdus_max> headers_;
  std::array<iscsi::DigestBytes, pdus_max> data_digests_;
  std::array<iovec, vectors_max> vector_;
  std::size_t pdus_ = 0;
  std::size_t vectors_ = 0;
  std::size_t first_ = 0;  // of the vectors that are not wholly sent
  std::size_t bytes_ = 0;
  msghdr message_{};
};

}  // namespace holdfast::initiator
