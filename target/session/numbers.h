#pragma once

#include <cstdint>

#include "common/iscsi/pdu.h"
#include "target/session/command_window.h"

namespace holdfast::target {

/// What StatSN a PDU carries (RFC 7143 section 4.2.2.2).
enum class StatSn : std::uint8_t {
  takes,  // it is a response: the number is its own, and the next one is the next response's
  shows,  // it shows the number that the next response will take
  none,   // the field is reserved
};

/// The numbers that every PDU of ours shows: the connection's StatSN and the session's window.
struct Numbers {
  CommandWindow& window;
  std::uint32_t stat_sn = 0;  // the next response's

  /// The header with the numbers in it, as it leaves now: StatSN moves on if the PDU takes it.
  template <iscsi::Bhs T>
  T stamp(T header, StatSn which) {
    if (which != StatSn::none) header.stat_sn = stat_sn;
    if (which == StatSn::takes) ++stat_sn;
    header.exp_cmd_sn = window.exp_cmd_sn();
    header.max_cmd_sn = window.advance_max_cmd_sn();
    return header;
  }
};

}  // namespace holdfast::target
