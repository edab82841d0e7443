#include "target/session/write_gather.h"

#include <algorithm>

#include "common/iscsi/codes.h"

namespace holdfast::target {

WriteGather::WriteGather(const Plan& plan)
    : plan_(plan),
      unsolicited_open_(plan.unsolicited_follows),
      unsolicited_end_(std::min(plan.first_burst_bytes_max, plan.expected)),
      received_(plan.immediate),
      invited_(plan.immediate) {}

WriteGather::Verdict WriteGather::accept(const DataOut& data) {
  return data.target_transfer_tag == iscsi::reserved_tag ? accept_unsolicited(data)
                                                         : accept_invited(data);
}

WriteGather::Verdict WriteGather::accept_unsolicited(const DataOut& data) {
  if (!unsolicited_open_) return Verdict::not_invited;
  if (data.data_sn != next_data_sn_) return Verdict::wrong_number;
  if (data.offset != received_) return Verdict::wrong_offset;
  if (data.bytes > unsolicited_end_ - received_) return Verdict::too_much;
  received_ += data.bytes;
  ++next_data_sn_;
  // A full burst without an end would leave us waiting for a Data-Out that has no room to come.
  if (!data.final && received_ == unsolicited_end_) return Verdict::wrong_end;
  if (data.final) {
    unsolicited_open_ = false;
    invited_ = received_;
    next_data_sn_ = 0;
  }
  return Verdict::fits;
}

WriteGather::Verdict WriteGather::accept_invited(const DataOut& data) {
  if (unsolicited_open_ || requests_done_ == requests_sent_) return Verdict::not_invited;
  if (data.target_transfer_tag != plan_.tag_base + requests_done_) return Verdict::wrong_tag;
  if (data.data_sn != next_data_sn_) return Verdict::wrong_number;
  if (data.offset != received_) return Verdict::wrong_offset;
  if (data.bytes > burst_end_ - received_) return Verdict::too_much;
  if (data.final != (received_ + data.bytes == burst_end_)) return Verdict::wrong_end;
  received_ += data.bytes;
  ++next_data_sn_;
  if (data.final) {
    ++requests_done_;
    next_data_sn_ = 0;
    burst_end_ = received_ + std::min(plan_.burst_bytes_max, plan_.wanted - received_);
  }
  return Verdict::fits;
}

std::optional<WriteGather::Request> WriteGather::next_request() {
  if (!can_request()) return std::nullopt;
  Request request{.target_transfer_tag = plan_.tag_base + requests_sent_,
                  .r2t_sn = requests_sent_,
                  .offset = invited_,
                  .bytes = std::min(plan_.burst_bytes_max, plan_.wanted - invited_)};
  if (requests_sent_ == requests_done_) burst_end_ = request.offset + request.bytes;
  invited_ += request.bytes;
  ++requests_sent_;
  return request;
}

std::string_view describe(WriteGather::Verdict verdict) {
  switch (verdict) {
    case WriteGather::Verdict::fits: return "in order";
    case WriteGather::Verdict::not_invited: return "nothing asked for it";
    case WriteGather::Verdict::wrong_tag: return "not the Target Transfer Tag of the open R2T";
    case WriteGather::Verdict::wrong_number: return "DataSN out of order";
    case WriteGather::Verdict::wrong_offset: return "Buffer Offset out of order";
    case WriteGather::Verdict::too_much: return "more bytes than the burst has room for";
    case WriteGather::Verdict::wrong_end: return "F at the wrong place in the burst";
  }
  return "";
}

}  // namespace holdfast::target
