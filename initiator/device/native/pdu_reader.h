#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/iscsi/digest.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/buffer.h"
#include "common/runtime/completion.h"
#include "common/runtime/loop.h"
#include "initiator/device/native/memory_cursor.h"

namespace holdfast::initiator {

/// Takes the target's byte stream apart into PDUs. Headers and small segments are parsed where they lie
/// in the buffer; the rest of a long segment is received straight into its command's memory.
class PduReader final : private Completion, private Deferred {
 public:
  /// What is to become of a PDU's data segment.
  struct Intake {
    enum class Kind : std::uint8_t {
      collect,  // gathered, and shown to `pdu_arrived`
      land,     // put into `memory`, where it has room
      stop,     // nothing more is read
    };
    Kind kind = Kind::collect;
    MemoryCursor* memory = nullptr;
  };

  /// Whom the reader tells. Any call may end in `stop`.
  class Owner {
   public:
    virtual Intake header_arrived(const iscsi::GenericBhs& header) = 0;
    /// The PDU's data segment is where it should be. `collected` is for that Intake.
    virtual void pdu_arrived(std::span<const std::byte> collected) = 0;
    /// A digest is wrong ("header", "data"): nothing after it can be trusted, and nothing more is read.
    virtual void digest_is_wrong(const char* of_what) = 0;
    /// Bytes came.
    virtual void heard() = 0;
    /// Nothing more comes: the peer closed (0), or an errno; or the receive that was in flight when
    /// `stop` was called is over.
    virtual void stream_ended(int error) = 0;
    /// What is to come are long data segments, so that it pays to look at their headers first.
    virtual bool expects_long_segments() const = 0;

   protected:
    ~Owner() = default;
  };

  PduReader(Loop& loop, int fd, iscsi::Digests digests, Owner& owner);
  ~PduReader() = default;

  void start() { receive(); }
  /// Reads no more. If a receive is in flight it is cancelled, and `stream_ended` follows.
  void stop();
  bool idle() const { return !in_flight() && !queued(); }

 private:
  static constexpr std::size_t buffer_bytes = 256 * 1024;
  static constexpr std::size_t landing_vectors_max = 256;
  /// So many bytes behind a segment that lands: its end, and a header.
  static constexpr std::size_t look_ahead_bytes = 64;
  static constexpr int pdus_per_turn_max = 256;

  void run() override { parse(); }
  void complete(std::int32_t result, bool more) override;
  void parse();
  bool parse_header();
  bool parse_segment();
  bool take_padding_and_digest();
  void landed(std::size_t bytes);
  void receive();

  Loop& loop_;
  const int fd_;
  const iscsi::Digests digests_;
  Owner& owner_;
  Buffer buffer_;
  std::size_t begin_ = 0;  // what is received and not yet parsed
  std::size_t end_ = 0;

  // The PDU whose segment is being received.
  bool in_segment_ = false;
  Intake intake_;
  std::uint32_t segment_left_ = 0;  // bytes of it still to come, without padding
  std::uint32_t padding_left_ = 0;
  std::uint32_t digest_left_ = 0;
  bool has_digest_ = false;
  iscsi::Crc32c crc_;
  iscsi::DigestBytes digest_{};
  std::vector<std::byte> collected_;

  std::array<iovec, landing_vectors_max + 1> vectors_;
  msghdr message_{};
  std::size_t landing_bytes_ = 0;  // of the receive in flight, how much goes to memory first
  bool stopped_ = false;
};

}  // namespace holdfast::initiator
