#include "initiator/watch/knocker.h"

#include <cerrno>

#include "common/base/check.h"

namespace holdfast::initiator {

void Knocker::knock(const PeerDoor& door, Instant now) {
  CHECK(idle());
  Result<Fd> opened = open_tcp(door.peer);
  if (!opened) return;
  socket_ = std::move(opened).value();
  door_ = door;
  given_up_ = false;
  began_ = now;
  if (!not_taken_since_) not_taken_since_ = now;
  ++count_.tried;
  stage_ = Stage::connecting;
  loop_.submit(Operation::connect(socket_.get(), door_.peer.get(), door_.peer.bytes()), *this);
}

void Knocker::renew(Instant now) {
  if (stage_ == Stage::connecting && now - began_ >= renewed_after) give_up();
}

void Knocker::give_up() {
  if (idle() || given_up_) return;
  given_up_ = true;
  loop_.cancel(*this);
}

void Knocker::complete(std::int32_t result, bool) {
  const Instant now = loop_.now();
  if (given_up_) return end(now);
  switch (stage_) {
    case Stage::idle: return;
    case Stage::connecting:
      if (result == -ECONNREFUSED) {
        ++count_.refused;
        not_taken_since_.reset();
      }
      if (result != 0) return end(now);
      ++count_.connected;
      count_.took = now - began_;
      not_taken_since_.reset();
      taken_at_ = now;
      return door_.hello.empty() ? wait() : say();
    case Stage::saying:
      if (result <= 0) return end(now);
      return wait();
    case Stage::waiting:
      // Whoever closes the connection, with or without a word, runs as well.
      if (result >= 0 || result == -ECONNRESET) {
        ++count_.answered;
        count_.answered_at = now;
      }
      return end(now);
  }
}

/// A hello is smaller than any socket's buffer.
void Knocker::say() {
  stage_ = Stage::saying;
  loop_.submit(Operation::write(socket_.get(), door_.hello.data(), static_cast<unsigned>(door_.hello.size()), 0), *this);
}

void Knocker::wait() {
  stage_ = Stage::waiting;
  loop_.submit(Operation::recv(socket_.get(), answer_.data(), answer_.size()), *this);
}

void Knocker::end(Instant now) {
  stage_ = Stage::idle;
  idle_since_ = now;
  socket_.reset();
  became_idle_.set();
}

KnockCount Knocker::count(Instant now) const {
  KnockCount count = count_;
  if (not_taken_since_) count.connecting = now - *not_taken_since_;
  if (stage_ == Stage::saying || stage_ == Stage::waiting) count.waiting = now - taken_at_;
  return count;
}

Task<void> Knocker::stop() {
  give_up();
  while (!idle()) {
    became_idle_.reset();
    co_await became_idle_.wait();
  }
}

}  // namespace holdfast::initiator
