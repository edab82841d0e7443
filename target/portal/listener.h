#pragma once

#include "common/base/result.h"
#include "common/runtime/completion.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/timer.h"

namespace holdfast::target {

/// One listening address. When descriptors or memory run out it stops accepting, and goes on when
/// some were freed: until then, who knocks waits in the kernel's backlog.
class Listener final : private Completion, private Timer {
 public:
  class Owner {
   public:
    virtual void accepted(Fd fd) = 0;
    /// Somebody waits at the door, and there is no descriptor for him.
    virtual void out_of_descriptors() = 0;

   protected:
    ~Owner() = default;
  };

  /// Binds and listens; what comes waits until `start`. The error names the address.
  static Result<Fd> open(const SocketAddress& address);

  Listener(Loop& loop, Fd fd, Owner& owner);

  void start();
  /// A descriptor was freed.
  void descriptor_freed();
  /// Accepts no more, and closes the socket once the kernel has let go of it.
  void stop();
  /// Waits for that.
  Event::Awaiter stopped() { return closed_.wait(); }

  /// The address, with the port that was found for port 0.
  const SocketAddress& address() const { return address_; }

 private:
  void complete(std::int32_t result, bool more) override;
  void expire() override;
  void close();

  Loop& loop_;
  Fd fd_;
  const SocketAddress address_;
  Owner& owner_;
  std::uint64_t failures_ = 0;
  bool stopped_ = false;
  Event closed_;
};

}  // namespace holdfast::target
