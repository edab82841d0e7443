#include "target/session/sender.h"

#include <sys/socket.h>

#include "common/base/check.h"

namespace holdfast::target {

Sender::Sender(Loop& loop, int fd, CommandWindow& window, std::uint32_t stat_sn,
               iscsi::Digests digests, Owner& owner)
    : loop_(loop), fd_(fd), owner_(owner), numbers_{.window = window, .stat_sn = stat_sn} {
  batch_.use_digests(digests);
}

void Sender::queue(Outgoing& outgoing) {
  CHECK(!outgoing.in_line_ && !closed_);
  outgoing.in_line_ = true;
  outgoing.next_ = nullptr;
  outgoing.previous_ = tail_;
  (tail_ != nullptr ? tail_->next_ : head_) = &outgoing;
  tail_ = &outgoing;
  if (in_flight() || queued()) return;
  loop_.at_turn_end(*this);
  owner_.sending_begins();
}

void Sender::unlink(Outgoing& outgoing) {
  (outgoing.previous_ != nullptr ? outgoing.previous_->next_ : head_) = outgoing.next_;
  (outgoing.next_ != nullptr ? outgoing.next_->previous_ : tail_) = outgoing.previous_;
  outgoing.in_line_ = false;
}

void Sender::remove(Outgoing& outgoing) {
  if (outgoing.in_line_) unlink(outgoing);
}

void Sender::run() {
  if (closed_) owner_.batch_sent();
  if (closed_ || in_flight() || head_ == nullptr) return;
  batch_.clear();
  while (head_ != nullptr && finished_ < Batch::headers_max) {
    Outgoing& first = *head_;
    const Outgoing::Fill filled = first.fill(batch_, numbers_);
    head_has_begun_ = filled == Outgoing::Fill::partly;
    if (head_has_begun_) break;
    unlink(first);
    if (filled == Outgoing::Fill::wholly) finished_in_batch_[finished_++] = &first;
  }
  send();
}

// MSG_WAITALL makes the kernel go on by itself where the socket has no room for all of it. A kernel
// that does not know that for sendmsg tells how far it came, and we ask again.
void Sender::send() {
  const msghdr* message = batch_.message();
  if (message != nullptr) {
    loop_.submit(Operation::sendmsg(fd_, message, MSG_WAITALL | MSG_NOSIGNAL), *this);
    return;
  }
  release_finished();
  if (head_ != nullptr && !closed_ && !queued()) loop_.at_turn_end(*this);
}

void Sender::complete(std::int32_t result, bool) {
  if (closed_ || result <= 0) {
    release_finished();
    if (!closed_) owner_.send_failed(-result);
  } else {
    bytes_sent_ += static_cast<std::uint64_t>(result);
    batch_.consumed(static_cast<std::size_t>(result));
    send();
  }
  if (!in_flight()) owner_.batch_sent();
}

void Sender::release_finished() {
  const std::size_t count = finished_;
  for (std::size_t i = 0; i < count; ++i) finished_in_batch_[i]->released();
  finished_ = 0;
}

void Sender::close() {
  closed_ = true;
  if (in_flight() && head_has_begun_ && head_ != nullptr) {
    finished_in_batch_[finished_++] = head_;  // The kernel still reads from it.
    unlink(*head_);
  }
  while (head_ != nullptr) {
    Outgoing& first = *head_;
    unlink(first);
    first.released();
  }
  if (!in_flight()) release_finished();
}

}  // namespace holdfast::target
