#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/units.h"
#include "common/runtime/buffer.h"
#include "common/runtime/completion.h"
#include "common/runtime/loop.h"
#include "common/runtime/timer.h"

namespace holdfast::target {

// The memory in which all sessions' data waits between the network and the stores, in chunks, with
// a bound for the daemon as a whole. It is in two parts, for two kinds of need:
//
// Invited data is what we ask for: the data of READs, and of WRITEs as R2Ts bring it. A command
// takes all the memory that it needs in one piece, before it sends its first R2T or reads its first
// block, and waits in line until it is there. Whoever holds such memory therefore has all that he
// needs to finish, and so the line always moves.
//
// Uninvited data is what a peer may send with a command: immediate data and the first burst, up to
// FirstBurstLength for every CmdSN in the window. It cannot be made to wait: the reader would stand
// still, and behind that command in the stream may be the very Data-Out that frees memory. So it
// has chunks of its own, which nobody else can use up, and command windows are cut so that the
// sessions' windows together ask for no more (`window_width`). A window that was granted cannot be
// taken back, so for a while, or with more sessions than chunks, there may be no chunk even here:
// then the data is dropped and the command answered TASK SET FULL (SAM-5 5.3.1), which makes the
// initiator send it again.
class DataMemory final : private Deferred, private Timer {
 public:
  static constexpr std::size_t chunk_bytes = 64 * KiB;

  struct Limits {
    std::size_t invited_chunks = 384;    // 24 MiB
    std::size_t uninvited_chunks = 512;  // 32 MiB
  };

  /// One session's part in it.
  class Share {
   public:
    explicit Share(DataMemory& memory) : memory_(memory) { memory_.join(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// Takes as many chunks as `chunks` has entries, or none; false if they are not to be had now
    /// and the caller must `wait`.
    bool take_invited(std::span<std::byte*> chunks) { return memory_.take_invited(*this, chunks); }
    /// Gets in line: `grant` follows when the first command's chunks are there.
    void wait() { memory_.wait(*this); }
    void give_back_invited(std::span<std::byte*> chunks);

    bool take_uninvited(std::span<std::byte*> chunks) { return memory_.take_uninvited(chunks); }
    void give_back_uninvited(std::span<std::byte*> chunks);

    /// How wide this session's command window may be if every command may bring `bytes` uninvited.
    std::uint32_t window_width(std::uint32_t bytes) const { return memory_.window_width(bytes); }

   protected:
    /// Nothing is held by then.
    ~Share() { memory_.leave(*this); }

   private:
    friend class DataMemory;
    /// How many chunks the command at the head of the session's own line wants; 0 if none waits.
    virtual std::size_t wanted() const = 0;
    /// `wanted` chunks can be taken, now, from inside this call.
    virtual void grant() = 0;

    DataMemory& memory_;
    std::size_t held_ = 0;   // invited chunks
    bool in_line_ = false;
    bool parked_ = false;    // would be in line, but holds its fair part already
    Share* next_ = nullptr;
  };

  DataMemory(Loop& loop, const Limits& limits);
  explicit DataMemory(Loop& loop) : DataMemory(loop, Limits{}) {}
  ~DataMemory();

  std::uint32_t window_width(std::uint32_t uninvited_bytes) const;

 private:
  void join() { ++sessions_; }
  void leave(Share& share);
  bool take_invited(Share& share, std::span<std::byte*> chunks);
  bool take_uninvited(std::span<std::byte*> chunks);
  void wait(Share& share);
  void push(Share& share);
  void remove(Share& share);
  void take_chunks(std::span<std::byte*> chunks);
  void give_back_chunks(std::span<std::byte*> chunks);
  std::size_t invited_free() const { return limits_.invited_chunks - invited_taken_; }
  /// How many invited chunks one session may hold: its equal part, but enough for any one command,
  /// so that peers who sit on theirs cannot starve the others.
  std::size_t fair_part() const;

  void run() override;     // serves the line
  void expire() override;  // gives idle memory back to the system

  Loop& loop_;
  const Limits limits_;
  BufferPool pool_;
  std::size_t invited_taken_ = 0;
  std::size_t uninvited_taken_ = 0;
  std::size_t sessions_ = 0;
  Share* head_ = nullptr;
  Share** tail_ = &head_;
  const Share* served_ = nullptr;
  Instant last_taken_{};
};

}  // namespace holdfast::target
