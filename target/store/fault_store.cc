#include "target/store/fault_store.h"

#include <algorithm>
#include <utility>

#include "common/runtime/loop.h"

namespace holdfast::target {
namespace {

bool meets(const Fault& fault, const StoreRequest& request) {
  if (fault.operation && *fault.operation != request.operation) return false;
  if (request.operation == StoreOperation::flush) return true;
  return request.offset < fault.to && request.offset + request.length() > fault.from;
}

}  // namespace

FaultStore::Alarm::Alarm(FaultStore& store) : Timer(Loop::current()), store_(store) {
}

FaultStore::FaultStore(std::unique_ptr<Store> below) : below_(std::move(below)), alarm_(*this) {
}

std::string FaultStore::describe() const {
  return "faults on " + below_->describe();
}

void FaultStore::inject(const Fault& fault) {
  rules_.push_back(Rule{fault});
}

const Fault* FaultStore::strike(const StoreRequest& request) {
  for (Rule& rule : rules_) {
    if (!meets(rule.fault, request)) continue;
    const std::uint64_t earlier = rule.met++;
    if (earlier < rule.fault.skip || earlier - rule.fault.skip >= rule.fault.times) continue;
    ++struck_;
    return &rule.fault;
  }
  return nullptr;
}

void FaultStore::start(StoreRequest& request) {
  const Fault* fault = strike(request);
  if (fault == nullptr) return pass_on(request, *below_);
  switch (fault->kind) {
    case Fault::Kind::fail:
      return finish_later(request, fault->error, std::max(request.offset, fault->from));
    case Fault::Kind::delay: {
      const Instant due = clock_now() + fault->delay;
      delayed_.push_back(Delayed{due, &request});
      if (!alarm_.armed() || due < alarm_.when()) alarm_.arm(due);
      return;
    }
    case Fault::Kind::hang:
      hanging_.push_back(&request);
      return;
  }
}

void FaultStore::pass_on_what_is_due() {
  const Instant now = clock_now();
  std::vector<Delayed> waiting = std::move(delayed_);
  delayed_.clear();
  for (const Delayed& delayed : waiting) {
    if (delayed.due <= now)
      pass_on(*delayed.request, *below_);
    else
      delayed_.push_back(delayed);
  }
  for (const Delayed& delayed : delayed_)
    if (!alarm_.armed() || delayed.due < alarm_.when()) alarm_.arm(delayed.due);
}

void FaultStore::release() {
  std::vector<StoreRequest*> released = std::move(hanging_);
  hanging_.clear();
  for (StoreRequest* request : released) pass_on(*request, *below_);
}

}  // namespace holdfast::target
