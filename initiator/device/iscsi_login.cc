#include "initiator/device/iscsi_login.h"

#include <unistd.h>

#include <random>

namespace holdfast::initiator {

const char* to_string(IscsiEngine engine) { return engine == IscsiEngine::native ? "native" : "libiscsi"; }

IscsiLogin IscsiLogin::of(const IscsiUrl& url, const SocketAddress& address) {
  IscsiLogin login;
  login.address = address;
  login.user = url.user;
  login.password = url.password;
  login.target_user = url.target_user;
  login.target_password = url.target_password;
  login.header_digest = url.header_digest;
  login.data_digest = url.data_digest;
  login.target = url.target;
  return login;
}

std::string IscsiLogin::default_initiator_name() {
  char host[65] = "";
  ::gethostname(host, sizeof host - 1);
  std::string name = "iqn.2026-11.example.holdfast:";
  for (const char* at = host; *at != '\0'; ++at) {
    const char low = static_cast<char>(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    const bool allowed = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9') || low == '.' || low == '-';
    name += allowed ? low : '-';
  }
  return name;
}

iscsi::Isid IscsiLogin::random_isid() {
  constexpr std::uint8_t random_kind = 0x80;  // the two bits T, in front
  std::random_device random;
  iscsi::Isid isid{random_kind};
  for (std::size_t i = 1; i < isid.size(); ++i) isid[i] = static_cast<std::uint8_t>(random());
  return isid;
}

}  // namespace holdfast::initiator
