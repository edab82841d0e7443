#include "target/session/sender.h"

#include "common/base/check.h"

namespace holdfast::target {

Sender::Sender(Loop& loop, int fd, CommandWindow& window, std::uint32_t stat_sn,
               iscsi::Digests digests, Owner& owner)
    : loop_(loop),
      owner_(owner),
      numbers_{.window = window, .stat_sn = stat_sn},
      wire_(loop, fd, digests, *this) {}

void Sender::queue(Outgoing& outgoing) {
  CHECK(!outgoing.in_line_ && !closed_);
  outgoing.in_line_ = true;
  outgoing.next_ = nullptr;
  outgoing.previous_ = tail_;
  (tail_ != nullptr ? tail_->next_ : head_) = &outgoing;
  tail_ = &outgoing;
  if (sending() || queued()) return;
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
  if (closed_ || sending() || head_ == nullptr) return;
  iscsi::Batch& batch = wire_.batch();
  batch.clear();
  while (head_ != nullptr && finished_ < iscsi::Batch::headers_max) {
    Outgoing& first = *head_;
    const Outgoing::Fill filled = first.fill(batch, numbers_);
    head_has_begun_ = filled == Outgoing::Fill::partly;
    if (head_has_begun_) break;
    unlink(first);
    if (filled == Outgoing::Fill::wholly) finished_in_batch_[finished_++] = &first;
  }
  if (!batch.empty())
    wire_.send();
  else
    go_on();
}

void Sender::go_on() {
  release_finished();
  if (head_ != nullptr && !closed_ && !queued()) loop_.at_turn_end(*this);
}

void Sender::batch_gone(int error) {
  if (error == 0 || closed_) {
    go_on();
  } else {
    release_finished();
    owner_.send_failed(error);
  }
  owner_.batch_sent();
}

void Sender::release_finished() {
  const std::size_t count = finished_;
  for (std::size_t i = 0; i < count; ++i) finished_in_batch_[i]->released();
  finished_ = 0;
}

void Sender::close() {
  closed_ = true;
  wire_.stop();
  if (sending() && head_has_begun_ && head_ != nullptr) {
    finished_in_batch_[finished_++] = head_;  // The kernel still reads from it.
    unlink(*head_);
  }
  while (head_ != nullptr) {
    Outgoing& first = *head_;
    unlink(first);
    first.released();
  }
  if (!sending()) release_finished();
}

}  // namespace holdfast::target
