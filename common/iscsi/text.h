#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

// The key=value text of Login and Text PDUs, RFC 7143 section 6.1.

namespace holdfast::iscsi {

inline constexpr std::size_t text_key_bytes_max = 63;
/// A simple value; and each item of a list.
inline constexpr std::size_t text_item_bytes_max = 255;
inline constexpr std::size_t text_value_bytes_max = 8192;
/// Pairs in one text: every key that exists several times over.
inline constexpr std::size_t text_pairs_max = 256;
/// One whole text, gathered from several PDUs: twice what everybody must support.
inline constexpr std::size_t text_bytes_max = 16'384;

/// Views into the text that was parsed.
struct TextPair {
  std::string_view key;
  std::string_view value;
};

/// Takes a whole text apart: pairs that each end in at least one zero byte. The error says which
/// pair is malformed and how; it is the peer's fault (`ErrorKind::protocol`).
Result<std::vector<TextPair>> parse_text(std::string_view text);

/// Puts a text together.
class TextBuilder {
 public:
  void add(std::string_view key, std::string_view value);
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

/// A decimal or hexadecimal constant ("8192", "0x2000"); nothing if it is not one, or over 64 bits.
std::optional<std::uint64_t> parse_number(std::string_view value);

/// "Yes" or "No".
std::optional<bool> parse_boolean(std::string_view value);
constexpr std::string_view boolean_text(bool value) {
  return value ? "Yes" : "No";
}

/// The items of a comma-separated list; an empty value has none.
std::vector<std::string_view> split_list(std::string_view value);

/// A peer's text as it may stand in a log line: printable ASCII, cut to a sane length.
std::string printable(std::string_view text);

}  // namespace holdfast::iscsi
