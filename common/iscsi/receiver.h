#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "common/iscsi/digest.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/memory_cursor.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/buffer.h"
#include "common/runtime/completion.h"
#include "common/runtime/loop.h"
#include "common/runtime/timer.h"

namespace holdfast::iscsi {

/// What is to become of a PDU's data segment.
struct Intake {
  enum class Kind : std::uint8_t {
    drop,     // swallowed, to stay in step with the stream
    collect,  // gathered, and shown to `pdu_arrived`
    land,     // put into `memory`, as far as `bytes`; the rest is swallowed
    later,    // the PDU cannot be taken now: nothing is read until `resume`
    stop,     // nothing more is read from this connection
  };
  Kind kind = Kind::drop;
  MemoryCursor* memory = nullptr;  // where it has room for them
  std::uint32_t bytes = std::numeric_limits<std::uint32_t>::max();
};

/// Takes a connection's byte stream apart into PDUs, for either end. Headers and small segments are
/// parsed where they lie in the buffer; the rest of a long segment is received straight into its
/// command's memory, in the same call that brings the next headers. After a long segment another is
/// expected, and its header is looked at before its data is received, so that none of that has to be
/// copied. Work in one turn of the loop is bounded, so that one connection with much to say does not
/// keep the others waiting. It stays on the thread of the loop that made it.
class Receiver final : private Completion, private Deferred, private Timer {
 public:
  /// Whom the receiver tells.
  class Owner {
   public:
    /// A header is here, with its additional segments. Its data segment is no longer than the
    /// owner's limit if the owner says what becomes of it.
    virtual Intake header_arrived(const GenericBhs& header, std::span<const std::byte> additional) = 0;
    /// The PDU's data segment is where it should be, or empty. `collected` is for that Intake.
    virtual void pdu_arrived(std::span<const std::byte> collected) = 0;
    /// Instead of that: its data digest is wrong, so what was put into place is not what was sent.
    virtual void data_is_spoiled() = 0;
    /// A header's digest is wrong: where the next PDU begins nobody knows, and nothing more is read.
    virtual void header_is_spoiled() = 0;
    /// Bytes came: the peer is alive.
    virtual void heard() = 0;
    /// All that is here has been parsed, `bytes` since this was last asked, and no PDU has only begun. How long to rest
    /// before more is asked for; zero: not at all.
    virtual Duration rest([[maybe_unused]] std::size_t bytes) { return Duration(0); }
    /// Nothing more comes: the peer closed (0), or an errno; or what `stop` waited for is over.
    virtual void stream_ended(int error) = 0;

   protected:
    ~Owner() = default;
  };

  /// A full turn's bytes for most connections, and longer than any header can be.
  static constexpr std::size_t buffer_bytes_usual = 64 * 1024;

  Receiver(Loop& loop, int fd, Digests digests, Owner& owner, std::size_t buffer_bytes = buffer_bytes_usual);
  ~Receiver() = default;

  void start() { continue_reading(); }
  /// The PDU that was put off by `later` is offered again.
  void resume();
  /// Reads no more. If a receive is in flight it is cancelled, and `stream_ended` follows.
  void stop();

  bool idle() const { return !in_flight() && !queued(); }
  /// Part of a PDU is here and the rest is awaited.
  bool inside_pdu() const { return in_segment_ || end_ != begin_; }

 private:
  void run() override;  // parsing goes on in the next turn
  void complete(std::int32_t result, bool more) override;
  void continue_reading();
  bool parse_header();
  void parse_segment();
  bool take_padding_and_digest();
  void landed(std::size_t bytes);
  void place(std::span<const std::byte> bytes);
  bool rests();
  void receive();
  void receive_landing();
  void expire() override { receive(); }

  static constexpr int pdus_per_turn_max = 64;
  static constexpr std::size_t landing_vectors_max = 128;
  /// Segments from here on are worth a receive of their own.
  static constexpr std::uint32_t long_segment_bytes = 16 * 1024;
  /// What is received where a long segment is expected behind it: the end of the last one, and a header.
  static constexpr std::size_t look_ahead_bytes = 64;

  Loop& loop_;
  const int fd_;
  const Digests digests_;
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
  bool expects_long_segment_ = false;
  Crc32c crc_;  // of the segment so far, where it has a digest
  DigestBytes digest_{};
  std::vector<std::byte> collected_;

  std::array<iovec, landing_vectors_max + 1> vectors_;
  msghdr message_{};
  std::size_t came_ = 0;           // bytes since the owner was last asked for a rest
  std::size_t landing_bytes_ = 0;  // of the receive in flight, how much goes to memory first
  bool postponed_ = false;
  bool stopped_ = false;
};

}  // namespace holdfast::iscsi
