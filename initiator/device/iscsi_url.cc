#include "initiator/device/iscsi_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "initiator/device/url_parts.h"

namespace holdfast::initiator {
namespace {

constexpr std::string_view scheme = "iscsi://";
constexpr std::string_view lun_form = "iscsi://[user[%password]@]host[:port]/iqn/lun";
constexpr std::string_view portal_form = "iscsi://[user[%password]@]host[:port]";

constexpr std::size_t name_bytes_max = 223;    // RFC 7143 section 4.2.7.1
constexpr std::size_t secret_bytes_max = 255;  // what libiscsi can hold
constexpr unsigned lun_max = 16383;            // flat space addressing, SAM-5 section 4.7.4

Status read_user(std::string_view text, IscsiUrl& url, std::string_view form) {
  const std::size_t percent = text.find('%');
  url.user = text.substr(0, percent);
  if (url.user.empty()) return wrong_url("the user before '@' is empty", form);
  if (percent == std::string_view::npos) return {};
  url.password = text.substr(percent + 1);
  if (url.password.empty()) return wrong_url("the password after '%' is empty", form);
  return {};
}

Status read_target(std::string_view text, IscsiUrl& url) {
  const std::size_t slash = text.rfind('/');
  url.target = percent_decode(text.substr(0, slash));
  if (url.target.empty()) return wrong_url("the target's name is missing", lun_form);
  if (url.target.size() > name_bytes_max)
    return wrong_url(fmt::format("the target's name has {} bytes; {} are the most", url.target.size(), name_bytes_max),
                 lun_form);
  const bool printable =
      std::all_of(url.target.begin(), url.target.end(), [](char c) { return c > ' ' && c != '/' && c != 0x7f; });
  if (!printable) return wrong_url("the target's name has a slash, a space or a control character in it", lun_form);
  if (slash == std::string_view::npos || slash + 1 == text.size())
    return wrong_url(fmt::format("the LUN after '{}' is missing", url.target), lun_form);
  const std::string_view lun = text.substr(slash + 1);
  const std::optional<unsigned> value = read_number(lun);
  if (!value || *value > lun_max)
    return wrong_url(fmt::format("the LUN '{}' is not a number from 0 to {}", lun, lun_max), lun_form);
  url.lun = static_cast<std::uint16_t>(*value);
  return {};
}

/// Reads what stands before the path, and cuts it off `text`.
Result<IscsiUrl> read_authority(std::string_view& text, std::string_view form) {
  if (!text.starts_with(scheme)) return wrong_url("an iSCSI URL begins with iscsi://", form);
  text.remove_prefix(scheme.size());
  const std::size_t path = text.find('/');
  std::string_view authority = text.substr(0, path);
  text.remove_prefix(path == std::string_view::npos ? text.size() : path + 1);

  IscsiUrl url;
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (Status user = read_user(authority.substr(0, at), url, form); !user) return user.error();
    authority.remove_prefix(at + 1);
  }
  Result<HostAndPort> place = read_host_and_port(authority, url.port, form);
  if (!place) return place.error();
  url.host = std::move(place->host);
  url.port = place->port;
  return url;
}

}  // namespace

Result<IscsiUrl> IscsiUrl::parse(std::string_view text) {
  Result<IscsiUrl> url = read_authority(text, lun_form);
  if (!url) return url;
  if (Status target = read_target(text, *url); !target) return target.error();
  return url;
}

Result<IscsiUrl> IscsiUrl::parse_portal(std::string_view text) {
  Result<IscsiUrl> url = read_authority(text, portal_form);
  if (url && !text.empty()) return wrong_url(fmt::format("'{}' after the portal is too much", text), portal_form);
  return url;
}

Status IscsiUrl::complete_password(const char* secret) {
  if (user.empty()) return {};
  if (password.empty() && secret != nullptr) password = secret;
  if (password.empty())
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("user {} has no password: put it into HOLDFAST_PASSWORD, or after the user as "
                             "user%password",
                             user)};
  if (user.size() > secret_bytes_max || password.size() > secret_bytes_max)
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("the user or the password is longer than {} bytes", secret_bytes_max)};
  return {};
}

std::string IscsiUrl::portal() const { return host_and_port_text(host, port); }

std::string IscsiUrl::to_string() const {
  std::string text(scheme);
  if (!user.empty()) text += user + "@";
  text += portal();
  if (!target.empty()) text += fmt::format("/{}/{}", target, lun);
  return text;
}

}  // namespace holdfast::initiator
