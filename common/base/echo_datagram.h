#pragma once

#include <cstdint>

#include "common/base/endian.h"

namespace holdfast {

/// The UDP datagram by which an initiator asks whether the path to a target's process holds, apart from
/// the data path. The target sends it back as it came but for `received`.
struct EchoDatagram {
  static constexpr std::uint64_t magic_value = 0x686f6c64'65636831;  // "holdech1"

  be64 magic = magic_value;
  be64 run{};       // a number of the asker's choice, so that it knows its own
  be64 sequence{};  // from 1 up
  be64 received{};  // zero from the asker; from the target how many of this `run` it has received so far
};
static_assert(sizeof(EchoDatagram) == 32 && alignof(EchoDatagram) == 1);

}  // namespace holdfast
