#include "target/store/fault_store.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"
#include "common/runtime/loop.h"

namespace holdfast::target {
namespace {

bool meets(const Fault& fault, const StoreRequest& request) {
  if (fault.operation && *fault.operation != request.operation) return false;
  if (request.operation == StoreOperation::flush) return true;
  return request.offset < fault.to && request.offset + request.length() > fault.from;
}

/// What a kind of fault cannot be done to, passes.
bool suits(Fault::Kind kind, StoreOperation operation) {
  if (kind == Fault::Kind::tear) return operation == StoreOperation::write;
  if (kind != Fault::Kind::lose) return true;
  return operation != StoreOperation::read && operation != StoreOperation::map &&
         operation != StoreOperation::room;
}

}  // namespace

FaultStore::Alarm::Alarm(FaultStore& store) : Timer(Loop::current()), store_(store) {
}

FaultStore::FaultStore(std::unique_ptr<Store> below) : below_(std::move(below)), alarm_(*this) {
}

std::string FaultStore::describe() const {
  return "faults on " + below_->describe();
}

std::uint64_t FaultStore::inject(const Fault& fault, std::string text) {
  Rule& rule = rules_.emplace_back();
  rule.number = ++rules_given_;
  rule.fault = fault;
  rule.text = std::move(text);
  rule.random.seed(fault.seed);
  if (fault.lasts) {
    rule.ends = clock_now() + *fault.lasts;
    arm_no_later_than(*rule.ends);
  }
  return rule.number;
}

bool FaultStore::remove(std::uint64_t number) {
  const bool there = std::erase_if(rules_, [number](const Rule& rule) { return rule.number == number; }) > 0;
  release_if([number](const Hanging& hanging) { return hanging.rule == number; });
  // A store may be closed on another thread, which may not meet the loop's timers.
  if (rules_.empty() && delayed_.empty()) alarm_.disarm();
  return there;
}

std::vector<FaultStore::RuleState> FaultStore::rules() const {
  std::vector<RuleState> states;
  for (const Rule& rule : rules_) {
    const auto hanging = std::count_if(hanging_.begin(), hanging_.end(),
                                       [&rule](const Hanging& one) { return one.rule == rule.number; });
    states.push_back({rule.number, rule.struck, static_cast<std::uint64_t>(hanging), rule.text});
  }
  return states;
}

FaultStore::Rule* FaultStore::strike(const StoreRequest& request) {
  for (Rule& rule : rules_) {
    if (!meets(rule.fault, request) || !suits(rule.fault.kind, request.operation)) continue;
    const std::uint64_t earlier = rule.met++;
    if (earlier < rule.fault.skip || rule.struck >= rule.fault.times) continue;
    if (rule.fault.percent < 100 && std::generate_canonical<double, 53>(rule.random) * 100 >= rule.fault.percent) continue;
    ++rule.struck;
    ++struck_;
    return &rule;
  }
  return nullptr;
}

void FaultStore::start(StoreRequest& request) {
  Rule* rule = rules_.empty() ? nullptr : strike(request);
  if (rule == nullptr) return pass_on(request, *below_);
  switch (rule->fault.kind) {
    case Fault::Kind::fail:
      return finish_later(request, rule->fault.error, std::max(request.offset, rule->fault.from));
    case Fault::Kind::delay: return delay(request, *rule);
    case Fault::Kind::hang:
    case Fault::Kind::stick:
      hanging_.push_back(Hanging{rule->number, &request, rule->fault.kind == Fault::Kind::stick});
      return;
    case Fault::Kind::tear: return tear(request);
    case Fault::Kind::lose: return finish_later(request, 0);
  }
}

/// What the store below has not seen yet can be answered at once.
void FaultStore::let_go(StoreRequest& request) {
  const std::size_t hung = std::erase_if(hanging_, [&request](const Hanging& hanging) {
    return hanging.request == &request && !hanging.sticks;
  });
  const std::size_t delayed =
      std::erase_if(delayed_, [&request](const Delayed& one) { return one.request == &request; });
  if (hung + delayed > 0) finish_later(request, ECANCELED, request.offset);
}

void FaultStore::delay(StoreRequest& request, Rule& rule) {
  Duration time = rule.fault.delay;
  if (const std::int64_t jitter = rule.fault.jitter.count(); jitter > 0)
    time += Duration(std::uniform_int_distribution<std::int64_t>(-jitter, jitter)(rule.random));
  const Instant due = clock_now() + std::max(time, Duration(0));
  delayed_.push_back(Delayed{due, &request});
  arm_no_later_than(due);
}

/// The first half of the data reaches the store below, and its word that this is done is the answer.
void FaultStore::tear(StoreRequest& request) {
  std::uint64_t left = round_down(request.length() / 2, logical_block_bytes());
  if (left == 0) return finish_later(request, 0);
  std::size_t vectors = 0;
  for (iovec& vector : request.vectors) {
    vector.iov_len = std::min<std::uint64_t>(vector.iov_len, left);
    left -= vector.iov_len;
    ++vectors;
    if (left == 0) break;
  }
  request.vectors = request.vectors.first(vectors);
  pass_on(request, *below_);
}

void FaultStore::look_at_the_clock() {
  const Instant now = clock_now();
  std::vector<std::uint64_t> over;
  for (const Rule& rule : rules_) {
    if (rule.ends && *rule.ends <= now) over.push_back(rule.number);
    else if (rule.ends) arm_no_later_than(*rule.ends);
  }
  for (const std::uint64_t number : over) remove(number);
  pass_on_what_is_due(now);
}

void FaultStore::pass_on_what_is_due(Instant now) {
  std::vector<Delayed> waiting = std::move(delayed_);
  delayed_.clear();
  for (const Delayed& delayed : waiting) {
    if (delayed.due <= now)
      pass_on(*delayed.request, *below_);
    else
      delayed_.push_back(delayed);
  }
  for (const Delayed& delayed : delayed_) arm_no_later_than(delayed.due);
}

void FaultStore::arm_no_later_than(Instant when) {
  if (!alarm_.armed() || when < alarm_.when()) alarm_.arm(when);
}

template <typename Which>
void FaultStore::release_if(Which which) {
  std::vector<Hanging> released;
  std::erase_if(hanging_, [&](const Hanging& hanging) {
    if (!which(hanging)) return false;
    released.push_back(hanging);
    return true;
  });
  for (const Hanging& hanging : released) pass_on(*hanging.request, *below_);
}

void FaultStore::release() {
  release_if([](const Hanging&) { return true; });
}

}  // namespace holdfast::target
