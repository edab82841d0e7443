#include "target/portal/listener.h"

#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/log.h"

namespace holdfast::target {
namespace {

/// How long to wait when accepting failed and no descriptor of ours is freed meanwhile.
constexpr Duration retry_after = std::chrono::seconds(1);

bool concerns_one_connection(int error) {
  return error == ECONNABORTED || error == EPROTO || error == EPERM || error == ENETDOWN ||
         error == EHOSTDOWN || error == EHOSTUNREACH || error == ENETUNREACH || error == EAGAIN ||
         error == EINTR;
}

}  // namespace

Result<Fd> Listener::open(const SocketAddress& address) { return listen_tcp(address); }

Listener::Listener(Loop& loop, Fd fd, Owner& owner)
    : Timer(loop),
      loop_(loop),
      fd_(std::move(fd)),
      address_(local_address(fd_.get())),
      owner_(owner) {}

void Listener::start() {
  if (!stopped_ && !in_flight()) loop_.submit(Operation::accept(fd_.get()), *this);
}

void Listener::descriptor_freed() {
  if (!armed()) return;  // It is not waiting for one.
  disarm();
  start();
}

void Listener::stop() {
  stopped_ = true;
  disarm();
  if (in_flight())
    loop_.cancel(*this);
  else
    close();
}

void Listener::close() {
  fd_.reset();
  closed_.set();
}

void Listener::complete(std::int32_t result, bool more) {
  if (result >= 0) {
    Fd accepted(result);
    if (!stopped_) owner_.accepted(std::move(accepted));
  }
  if (more) return;
  if (stopped_) {
    close();
    return;
  }
  if (result >= 0 || concerns_one_connection(-result)) {
    start();
    return;
  }
  if (std::has_single_bit(++failures_)) {
    log(LogLevel::warning, "{}: cannot accept for now ({} times so far): {}",
        address_.to_string(), failures_, std::strerror(-result));
  }
  arm(loop_.now() + retry_after);
  if (result == -EMFILE) owner_.out_of_descriptors();
}

void Listener::expire() { start(); }

}  // namespace holdfast::target
