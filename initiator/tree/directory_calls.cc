#include "initiator/tree/directory_calls.h"

#include <fmt/format.h>

namespace holdfast::initiator {

void DirectoryCall::finished() { owner_->finished(*this); }

void DirectoryCalls::submit(BlockingCrew& crew, std::shared_ptr<DirectoryCall> call) {
  DirectoryCall& submitted = *call;
  submitted.owner_ = this;
  submitted.began_ = clock_now();
  submitted.place_ = under_way_.insert(under_way_.end(), std::move(call));
  crew.submit(submitted);
}

void DirectoryCalls::finished(DirectoryCall& call) {
  system_calls_ += call.site_.calls();
  call.over_.set();
  if (call.given_up())
    given_up_.splice(given_up_.end(), under_way_, call.place_);
  else
    under_way_.erase(call.place_);  // Whoever waits for it keeps it.
  came_back_.pulse();
}

void DirectoryCalls::abandon() {
  abandoned_ = true;
  for (const std::shared_ptr<DirectoryCall>& call : under_way_) call->give_up();
}

std::string DirectoryCalls::oldest(Instant now) const {
  for (const std::shared_ptr<DirectoryCall>& call : under_way_) {
    const char* now_in = call->site_.now_in();
    if (now_in == nullptr) continue;
    const std::chrono::duration<double> age = now - call->began_;
    return fmt::format("the kernel has been in {} for {:.1f} s", now_in, age.count());
  }
  return {};
}

}  // namespace holdfast::initiator
