#include "target/session/reply.h"

#include <utility>

#include "common/base/check.h"

namespace holdfast::target {

Outgoing::Fill Reply::fill(iscsi::Batch& batch, Numbers& numbers) {
  if (!batch.has_room(1)) return Fill::partly;
  header_.data_segment_bytes = static_cast<std::uint32_t>(data_.size());
  batch.add(numbers.stamp(header_, stat_sn_));
  batch.add_data(data_.data(), data_.size());
  batch.pad(data_.size());
  return Fill::wholly;
}

void Reply::released() { stock_.released(*this); }

void ReplyStock::queue(iscsi::NopInBhs header, StatSn stat_sn, std::vector<std::byte> data) {
  if (free_.empty()) {
    CHECK(replies_.size() < replies_max + unasked_max);
    replies_.push_back(std::make_unique<Reply>(*this));
    free_.reserve(replies_.size());
    free_.push_back(replies_.back().get());
  }
  Reply& reply = *free_.back();
  free_.pop_back();
  reply.header_ = header;
  reply.stat_sn_ = stat_sn;
  reply.data_ = std::move(data);
  waiting_bytes_ += reply.data_.size();
  sender_.queue(reply);
}

void ReplyStock::released(Reply& reply) {
  waiting_bytes_ -= reply.data_.size();
  reply.data_ = {};
  free_.push_back(&reply);
}

}  // namespace holdfast::target
