#pragma once

#include "common/iscsi/pdu.h"

namespace holdfast::iscsi {

/// By which a target knows a connection that only asks whether it answers: `holdfast` says the first words
/// of a login with it, and closes. Of the random kind (RFC 7143 section 11.12.5), and not one that a session
/// of ours has.
inline constexpr Isid door_probe_isid{0x80, 0x68, 0x66, 0x70, 0x72, 0x62};

}  // namespace holdfast::iscsi
