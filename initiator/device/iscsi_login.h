#pragma once

#include <string>

#include "common/iscsi/pdu.h"
#include "common/runtime/socket.h"
#include "initiator/device/iscsi_url.h"

namespace holdfast::initiator {

/// Who talks to our iSCSI targets.
enum class IscsiEngine : std::uint8_t {
  native,    // our own initiator
  libiscsi,  // the library, as a witness that our two ends are not wrong in the same way
};

/// Who talks iSCSI unless one says otherwise.
inline constexpr IscsiEngine engine_default = IscsiEngine::native;

/// "native", "libiscsi".
const char* to_string(IscsiEngine engine);

/// All that a login needs to know.
struct IscsiLogin {
  SocketAddress address;
  std::string user;  // of CHAP; empty for none
  std::string password;
  std::string target_user;  // whom the target must prove to be; empty: nobody
  std::string target_password;
  bool header_digest = false;  // CRC32C or nothing
  bool data_digest = false;
  std::string target;  // empty: a discovery session
  std::string initiator = default_initiator_name();
  /// Names our end of the session, so that a login with the same one takes an old session over
  /// (RFC 7143 section 6.3.5). Of the random kind.
  iscsi::Isid isid = random_isid();

  /// What the URL says of it, at an address that has been resolved.
  static IscsiLogin of(const IscsiUrl& url, const SocketAddress& address);
  /// "iqn.2026-11.example.holdfast:HOSTNAME".
  static std::string default_initiator_name();
  /// Of the random kind (section 11.12.5).
  static iscsi::Isid random_isid();
};

}  // namespace holdfast::initiator
