#include "target/lun/steps.h"

namespace holdfast::target {

StoreStep::StoreStep(Store& store) : store_(store) {
  request_.owner = this;
  request_.done = [](StoreRequest& answered) {
    Loop::current().ready(static_cast<StoreStep*>(answered.owner)->waiter_);
  };
}

StoreStep::Awaiter StoreStep::read(std::uint64_t offset, std::span<iovec> vectors) {
  request_.operation = StoreOperation::read;
  request_.durable = false;
  request_.offset = offset;
  request_.vectors = vectors;
  return Awaiter(*this);
}

StoreStep::Awaiter StoreStep::write(std::uint64_t offset, std::span<iovec> vectors, bool durable) {
  request_.operation = StoreOperation::write;
  request_.durable = durable;
  request_.offset = offset;
  request_.vectors = vectors;
  return Awaiter(*this);
}

StoreStep::Awaiter StoreStep::flush() {
  request_.operation = StoreOperation::flush;
  return Awaiter(*this);
}

StoreStep::Awaiter StoreStep::change(StoreOperation operation, std::uint64_t offset,
                                     std::uint64_t bytes, bool durable) {
  request_.operation = operation;
  request_.durable = durable;
  request_.offset = offset;
  request_.bytes = bytes;
  return Awaiter(*this);
}

RangeHold::Awaiter RangeHold::take(RangeLock::Mode mode, std::uint64_t from, std::uint64_t bytes) {
  lock_.mode = mode;
  lock_.from = from;
  lock_.to = from + bytes;
  lock_.owner = this;
  lock_.granted = [](RangeLock& lock) {
    Loop::current().ready(static_cast<RangeHold*>(lock.owner)->waiter_);
  };
  return Awaiter(*this);
}

}  // namespace holdfast::target
