#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "target/session/discovery.h"

namespace holdfast::target {

using iscsi::Key;
using iscsi::RejectReason;

namespace {

/// The longest answer that we put into one PDU, whatever the peer would take.
constexpr std::size_t segment_bytes_max = 65'536;

}  // namespace

TextResponder::TextResponder(Reception& reception, const LoginOutcome& session)
    : reception_(reception),
      session_(session),
      peer_max_recv_(session.parameters.peer_max_recv_data_segment_length) {
}

TextResponder::Answer TextResponder::answer(const iscsi::TextRequestBhs& request,
                                            std::string_view data) {
  if (std::optional<RejectReason> reject = take(request, data)) {
    negotiator_.reset();
    Answer refused;
    refused.reject = reject;
    return refused;
  }
  return next_part((request.flags & iscsi::final_bit) != 0);
}

std::optional<RejectReason> TextResponder::take(const iscsi::TextRequestBhs& request,
                                                std::string_view data) {
  const bool continues = (request.flags & iscsi::continue_bit) != 0;
  if (continues && (request.flags & iscsi::final_bit) != 0) return RejectReason::protocol_error;
  if (request.target_transfer_tag == iscsi::reserved_tag)
    begin();
  else if (!negotiator_ || request.target_transfer_tag != tag_)
    return RejectReason::invalid_pdu_field;
  // While our answer has the C bit set, the peer asks for the rest and says nothing (section 6.2).
  if (!pending_.empty())
    return data.empty() ? std::nullopt : std::optional(RejectReason::protocol_error);
  if (request_.size() + data.size() > iscsi::text_bytes_max) return RejectReason::protocol_error;
  request_ += data;
  if (continues) return std::nullopt;
  return take_whole_text() ? std::nullopt : std::optional(RejectReason::protocol_error);
}

void TextResponder::begin() {
  negotiator_.emplace(iscsi::Side::target, iscsi::Negotiator::Phase::full_feature,
                      session_.parameters, session_.is_discovery());
  ++tag_;
  if (tag_ == iscsi::reserved_tag) tag_ = 1;
  targets_sent_ = false;
  request_.clear();
  pending_.clear();
}

bool TextResponder::take_whole_text() {
  const std::string text = std::exchange(request_, {});
  Result<std::vector<iscsi::TextPair>> pairs = iscsi::parse_text(text);
  if (!pairs) return false;
  iscsi::TextBuilder reply;
  Status taken = negotiator_->receive(*pairs, reply);
  if (!taken) return false;
  if (negotiator_->was_named(Key::max_recv_data_segment_length)) {
    Result<iscsi::Parameters> result = negotiator_->result();
    if (!result) return false;
    peer_max_recv_ = result->peer_max_recv_data_segment_length;
  }
  if (negotiator_->was_named(Key::send_targets) && !std::exchange(targets_sent_, true))
    send_targets(negotiator_->value_of(Key::send_targets), reply);
  pending_ = reply.take();
  return true;
}

TextResponder::Answer TextResponder::next_part(bool last_request) {
  const std::size_t limit = std::min<std::size_t>(peer_max_recv_, segment_bytes_max);
  Answer part;
  if (pending_.size() > limit) {
    part.flags = iscsi::continue_bit;
    part.target_transfer_tag = tag_;
    part.data = pending_.substr(0, limit);
    pending_.erase(0, limit);
    return part;
  }
  part.data = std::exchange(pending_, {});
  if (last_request) {
    negotiator_.reset();
    return part;
  }
  part.flags = 0;
  part.target_transfer_tag = tag_;
  return part;
}

/// RFC 7143 appendix C. "All" is for discovery sessions; a normal session may only ask for the
/// target that it is logged in to, by name or by saying nothing.
void TextResponder::send_targets(std::string_view value, iscsi::TextBuilder& reply) {
  if (!session_.is_discovery()) {
    const std::string& own = session_.target->name;
    const TargetRef named = value.empty() ? session_.target : reception_.find_target(value, session_.caller);
    if (named != nullptr && named->name == own)
      add_target(own, reply);
    else
      reply.add(iscsi::row_of(Key::send_targets).name, "Reject");
    return;
  }
  if (value.empty()) {
    reply.add(iscsi::row_of(Key::send_targets).name, "Reject");
  } else if (value == "All") {
    for (const std::string& name : reception_.target_names(session_.caller)) add_target(name, reply);
  } else {
    std::string name(value);  // Names are compared, and told, in lower case (section 4.2.7.1).
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    add_target(name, reply);
  }
}

/// Nothing for one that the initiator may not see.
void TextResponder::add_target(std::string_view name, iscsi::TextBuilder& reply) const {
  const std::vector<std::string> addresses = reception_.target_addresses(name, session_.caller);
  if (addresses.empty()) return;
  reply.add(iscsi::row_of(Key::target_name).name, name);
  for (const std::string& address : addresses) reply.add(iscsi::row_of(Key::target_address).name, address);
}

}  // namespace holdfast::target
