#include "initiator/fault/proxy.h"

#include <algorithm>
#include <cerrno>
#include <string>

namespace holdfast::initiator {

void FaultPath::rules_changed() {
  for (const ConnectionOrder& order : rules_.take_orders()) carry_out(order);
  for (const FaultEvent& event : rules_.take_events()) listener_.happened(event);
  arm_for_next_step();
  look_again();
}

bool FaultPath::took_a_step() {
  if (!rules_.has_news()) return false;
  rules_changed();
  return true;
}

void FaultPath::arm_for_next_step() {
  if (const std::optional<Instant> next = rules_.next_moment())
    arm(*next);
  else
    disarm();
}

void FaultPath::expire() {
  rules_.advance(clock_now());
  rules_changed();
}

Task<std::int32_t> Cancellable::perform(Operation operation) {
  if (cancelled_) co_return -ECANCELED;
  IoAwaiter awaiter(loop_, operation);
  waiting_.push_back(&awaiter);
  const std::int32_t result = co_await awaiter;
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &awaiter));
  co_return result;
}

void Cancellable::cancel_all() {
  cancelled_ = true;
  for (IoAwaiter* awaiter : waiting_) loop_.cancel(*awaiter);
}

}  // namespace holdfast::initiator
