#include "target/config/target_name.h"

#include <algorithm>
#include <cctype>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::size_t name_bytes_max = 223;  // RFC 7143 4.2.7.1

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

bool all(std::string_view text, bool (*rule)(char)) {
  return std::all_of(text.begin(), text.end(), rule);
}

/// iqn.YYYY-MM.reversed-domain[:anything] (RFC 7143 4.2.7.4).
std::string wrong_with_iqn(std::string_view rest) {
  const bool dated = rest.size() >= 8 && all(rest.substr(0, 4), is_digit) && rest[4] == '-' &&
                     all(rest.substr(5, 2), is_digit) && rest[7] == '.';
  if (!dated) return "after \"iqn.\" a year and month with a dot is needed, as in iqn.2026-11.";
  const int month = (rest[5] - '0') * 10 + (rest[6] - '0');
  if (month < 1 || month > 12) return "its month is not 01 to 12";
  const std::string_view authority = rest.substr(8, rest.substr(8).find(':'));
  if (authority.empty() || authority.front() == '.' || authority.back() == '.')
    return "after the date a reversed domain name is needed, as in "
           "iqn.2026-11.example.storage:disk";
  return {};
}

/// eui. with 16 hexadecimal digits (4.2.7.5).
std::string wrong_with_eui(std::string_view rest) {
  return rest.size() == 16 && all(rest, is_hex) ? ""
                                                : "after \"eui.\" 16 hexadecimal digits are needed";
}

/// naa. with 16 or 32 hexadecimal digits (4.2.7.6).
std::string wrong_with_naa(std::string_view rest) {
  const bool good = (rest.size() == 16 || rest.size() == 32) && all(rest, is_hex);
  return good ? "" : "after \"naa.\" 16 or 32 hexadecimal digits are needed";
}

struct Format {
  std::string_view prefix;
  std::string (*wrong)(std::string_view rest);
};

constexpr Format formats[] = {
    {"iqn.", wrong_with_iqn}, {"eui.", wrong_with_eui}, {"naa.", wrong_with_naa}};

/// Of ASCII a name may hold a-z, 0-9, dash, dot and colon (4.2.7.2); of the rest, what is UTF-8.
bool may_hold(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

TargetName check_target_name(std::string_view name) {
  TargetName checked;
  checked.name = to_lower(name);
  const std::string_view lowered = checked.name;
  if (lowered != name)
    checked.warnings.push_back("iSCSI names are in lower case; " + shown(lowered) + " is served");
  if (lowered.size() > name_bytes_max) {
    checked.error = "it is longer than 223 bytes";
    return checked;
  }
  const auto format = std::find_if(
      std::begin(formats), std::end(formats),
      [lowered](const Format& candidate) { return lowered.starts_with(candidate.prefix); });
  if (format == std::end(formats)) {
    checked.error = "a name begins with \"iqn.\", \"eui.\" or \"naa.\"";
    return checked;
  }
  const bool has_underscore = lowered.find('_') != std::string_view::npos;
  const auto bad = std::find_if_not(lowered.begin(), lowered.end(),
                                    [](char c) { return may_hold(c) || c == '_'; });
  if (bad != lowered.end())
    checked.error = "it holds " + shown(std::string_view(&*bad, 1)) +
                    "; a-z, 0-9, \"-\", \".\" and \":\" are allowed";
  else if (!is_utf8(lowered))
    checked.error = "it is not UTF-8";
  else
    checked.error = format->wrong(lowered.substr(format->prefix.size()));
  // Names with an underscore have been in use with IET for years, and initiators take them.
  if (has_underscore)
    checked.warnings.push_back("RFC 7143 does not allow \"_\" in names; some initiators refuse it");
  return checked;
}

}  // namespace holdfast::target
