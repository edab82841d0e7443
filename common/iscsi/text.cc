#include "common/iscsi/text.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace holdfast::iscsi {
namespace {

Error malformed(std::string message) {
  return Error{ErrorKind::protocol, 0, "malformed text: " + std::move(message)};
}

// Section 6.1 allows letters, digits and ".-+@_" in a key; the number sign is in the names of
// public extension keys, such as X#NodeArchitecture.
bool allowed_in_key(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '+' || c == '@' || c == '_' || c == '#';
}

Result<TextPair> parse_pair(std::string_view pair) {
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos)
    return malformed(fmt::format("'{}' has no '='", printable(pair)));
  const TextPair parsed{pair.substr(0, equals), pair.substr(equals + 1)};
  if (parsed.key.empty())
    return malformed(fmt::format("'{}' has no key before its '='", printable(pair)));
  if (parsed.key.size() > text_key_bytes_max)
    return malformed(fmt::format("the key '{}' has {} bytes, more than {}", printable(parsed.key),
                                 parsed.key.size(), text_key_bytes_max));
  if (!std::all_of(parsed.key.begin(), parsed.key.end(), allowed_in_key))
    return malformed(
        fmt::format("the key '{}' has a character that no key has", printable(parsed.key)));
  if (parsed.value.size() > text_value_bytes_max)
    return malformed(fmt::format("the value of {} has {} bytes, more than {}", parsed.key,
                                 parsed.value.size(), text_value_bytes_max));
  for (std::string_view item : split_list(parsed.value))
    if (item.size() > text_item_bytes_max)
      return malformed(fmt::format("the value of {} has an item of {} bytes, more than {}",
                                   parsed.key, item.size(), text_item_bytes_max));
  return parsed;
}

}  // namespace

Result<std::vector<TextPair>> parse_text(std::string_view text) {
  std::vector<TextPair> pairs;
  if (text.size() > text_bytes_max)
    return malformed(fmt::format("{} bytes, more than {}", text.size(), text_bytes_max));
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    if (end == std::string_view::npos)
      return malformed(fmt::format("'{}' does not end in a zero byte", printable(text)));
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (one.empty()) continue;  // A pair may be followed by more than one zero byte.
    Result<TextPair> pair = parse_pair(one);
    if (!pair) return std::move(pair).error();
    if (pairs.size() == text_pairs_max)
      return malformed(fmt::format("more than {} pairs", text_pairs_max));
    pairs.push_back(*pair);
  }
  return pairs;
}

void TextBuilder::add(std::string_view key, std::string_view value) {
  text_.append(key);
  text_.push_back('=');
  text_.append(value);
  text_.push_back('\0');
}

std::optional<std::uint64_t> parse_number(std::string_view value) {
  int base = 10;
  if (value.starts_with("0x") || value.starts_with("0X")) {
    base = 16;
    value.remove_prefix(2);
  } else if (value.size() > 1 && value.front() == '0') {
    return std::nullopt;  // A decimal constant of several digits does not begin with 0.
  }
  std::uint64_t number = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, number, base);
  if (value.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::optional<bool> parse_boolean(std::string_view value) {
  if (value == "Yes") return true;
  if (value == "No") return false;
  return std::nullopt;
}

std::vector<std::string_view> split_list(std::string_view value) {
  std::vector<std::string_view> items;
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    items.push_back(value.substr(0, comma));
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  return items;
}

std::string printable(std::string_view text) {
  constexpr std::size_t shown_max = 80;
  std::string shown(text.substr(0, shown_max));
  for (char& c : shown)
    if (c < 0x20 || c > 0x7e) c = '?';
  if (text.size() > shown_max) shown += "...";
  return shown;
}

}  // namespace holdfast::iscsi
