#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/iscsi/codes.h"
#include "common/iscsi/negotiation.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/text.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "target/session/login.h"

namespace holdfast::target {

/// One connection's answers to Text Requests (RFC 7143 section 11.10) in the full feature phase:
/// SendTargets, and MaxRecvDataSegmentLength declared anew. Pure: requests in, answers out. Long
/// answers and long requests go over several PDUs; both are bounded. One negotiation at a time: a
/// new one drops what was left of the old.
class TextResponder {
 public:
  /// Both outlive the responder; `session` says who asks and how long our PDUs may be.
  TextResponder(Reception& reception, const LoginOutcome& session);

  struct Answer {
    /// Set: a Reject with that reason is the whole answer.
    std::optional<iscsi::RejectReason> reject;
    /// F and C, the transfer tag and the data segment of the Text Response. Numbers are the
    /// sender's.
    std::uint8_t flags = iscsi::final_bit;
    std::uint32_t target_transfer_tag = iscsi::reserved_tag;
    std::string data;
  };
  Answer answer(const iscsi::TextRequestBhs& request, std::string_view data);

  /// The longest data segment that the peer takes, as last declared.
  std::uint32_t peer_max_recv_data_segment_length() const { return peer_max_recv_; }

 private:
  std::optional<iscsi::RejectReason> take(const iscsi::TextRequestBhs& request,
                                          std::string_view data);
  bool take_whole_text();
  Answer next_part(bool last_request);
  void send_targets(std::string_view value, iscsi::TextBuilder& reply);
  void add_target(std::string_view name, iscsi::TextBuilder& reply) const;
  void begin();

  Reception& reception_;
  const LoginOutcome& session_;
  std::uint32_t peer_max_recv_;
  std::optional<iscsi::Negotiator> negotiator_;  // set while a negotiation goes on
  std::uint32_t tag_ = 0;                        // its Target Transfer Tag
  bool targets_sent_ = false;
  std::string request_;  // the pieces of a text so far
  std::string pending_;  // what is left of an answer
};

/// A discovery session after its login: Text, NOP-Out and Logout until the peer leaves, breaks the
/// protocol or falls silent for a minute. The caller closes the connection.
Task<void> serve_discovery(Loop& loop, int fd, Reception& reception, const LoginOutcome& session);

}  // namespace holdfast::target
