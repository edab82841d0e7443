#include "initiator/watch/watch_timer.h"

#include "initiator/watch/evidence.h"

namespace holdfast::initiator {

void WatchTimer::expire() {
  const Instant now = clock_now();
  watch_.tick(now);
  if (evidence_ != nullptr) evidence_->ticked(now);
  if (watch_.tick_due()) arm(*watch_.tick_due());
}

}  // namespace holdfast::initiator
