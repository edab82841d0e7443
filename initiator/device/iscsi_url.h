#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::initiator {

/// `iscsi://[user[%password]@]host[:port]/iqn/lun`; for discovery `iscsi://[…@]host[:port]`. After a `?` may
/// stand, joined by `&`: `target_user` and `target_password`, whom the target must prove to be (mutual CHAP),
/// `header_digest=crc32c`, `data_digest=crc32c`, and `echo=PORT`, the UDP port of holdfastd that sends datagrams
/// back. The spellings but the last are libiscsi's.
struct IscsiUrl {
  std::string user;  // of CHAP; empty for none
  std::string password;
  std::string target_user;  // whom the target must prove to be; empty for nobody
  std::string target_password;
  bool header_digest = false;
  bool data_digest = false;
  std::string host;  // a name or an address; IPv6 without brackets
  std::uint16_t port = 3260;
  std::string target;
  std::uint16_t lun = 0;
  std::uint16_t echo_port = 0;  // 0 for none

  /// Reads a LUN's URL. The error says which part is wrong, and never shows the password.
  static Result<IscsiUrl> parse(std::string_view text);
  /// Reads a portal's URL: no target and no LUN.
  static Result<IscsiUrl> parse_portal(std::string_view text);

  /// Takes the password from `secret` (HOLDFAST_PASSWORD) when the URL has a user and none of its
  /// own, and the target's from `target_secret` (HOLDFAST_TARGET_PASSWORD). A user without any
  /// password, or with one that is too long for the protocol, is an error.
  Status complete_password(const char* secret, const char* target_secret = nullptr);

  /// "host:port", with brackets around IPv6.
  std::string portal() const;
  /// The URL without its passwords, fit for records.
  std::string to_string() const;
};

}  // namespace holdfast::initiator
