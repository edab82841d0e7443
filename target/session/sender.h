#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/iscsi/batch_sender.h"
#include "common/runtime/completion.h"
#include "common/runtime/loop.h"
#include "target/session/command_window.h"
#include "target/session/numbers.h"

namespace holdfast::target {

/// One place in a connection's sending line: a command with its data and status, an R2T, or a PDU
/// of another kind. It may have many PDUs, which are cut only when they find room in a batch.
class Outgoing {
 public:
  Outgoing() = default;
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  bool in_line() const { return in_line_; }

 protected:
  ~Outgoing() = default;

  enum class Fill : std::uint8_t {
    partly,  // there was no more room: the rest comes in the next batch
    wholly,  // that was the last PDU; `released` follows
    copied,  // so it was, and the batch refers to nothing of it: no `released` follows
  };

 private:
  friend class Sender;
  /// Adds PDUs while there is room.
  virtual Fill fill(iscsi::Batch& batch, Numbers& numbers) = 0;
  /// Everything that it added has left our memory, or the connection has ended; it may be used for
  /// something else, or freed, from inside this.
  virtual void released() = 0;

  Outgoing* next_ = nullptr;
  Outgoing* previous_ = nullptr;
  bool in_line_ = false;
};

/// Sends a connection's PDUs, in order: the one place that stamps StatSN, ExpCmdSN and MaxCmdSN.
/// All that became ready in a turn of the loop goes out in one sendmsg, and while that is on its
/// way, what becomes ready gathers for the next. So a peer that reads slowly gets large sends, and
/// one that does not read holds back one batch and its own line, nothing else.
class Sender final : private Deferred, private iscsi::BatchSender::Owner {
 public:
  /// Whom the sender tells.
  class Owner {
   public:
    /// The line was empty, and is not any more.
    virtual void sending_begins() = 0;
    virtual void send_failed(int error) = 0;
    /// A batch has gone: there is room in the line; after `close`, the sender may be idle.
    virtual void batch_sent() = 0;

   protected:
    ~Owner() = default;
  };

  Sender(Loop& loop, int fd, CommandWindow& window, std::uint32_t stat_sn, iscsi::Digests digests,
         Owner& owner);

  /// Puts it at the end of the line.
  void queue(Outgoing& outgoing);
  /// Takes it out of the line, if it is there; what was cut of it already does not refer to it.
  void remove(Outgoing& outgoing);
  /// The connection has ended: the line is released, as is the batch once the kernel is done with
  /// it. The socket has been shut down, so that a send in flight ends soon.
  void close();

  /// Nothing is in the line or with the kernel.
  bool idle() const { return head_ == nullptr && !sending() && !queued(); }
  bool sending() const { return wire_.in_flight(); }
  bool is_closed() const { return closed_; }
  /// What the kernel has taken so far.
  std::uint64_t bytes_sent() const { return wire_.bytes_sent(); }
  std::uint32_t next_stat_sn() const { return numbers_.stat_sn; }

 private:
  void unlink(Outgoing& outgoing);
  void release_finished();
  void run() override;  // at the turn's end
  void go_on();
  void batch_gone(int error) override;

  Loop& loop_;
  Owner& owner_;
  Numbers numbers_;
  iscsi::BatchSender wire_;
  Outgoing* head_ = nullptr;
  Outgoing* tail_ = nullptr;
  // In the batch with their last PDU; and on closing, one more that had only begun.
  std::array<Outgoing*, iscsi::Batch::headers_max + 1> finished_in_batch_;
  std::size_t finished_ = 0;
  bool head_has_begun_ = false;  // the batch refers to the first in the line
  bool closed_ = false;
};

}  // namespace holdfast::target
