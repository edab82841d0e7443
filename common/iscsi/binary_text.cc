#include "common/iscsi/binary_text.h"

namespace holdfast::iscsi {
namespace {

using Bytes = std::vector<std::uint8_t>;

int hexadecimal_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

std::optional<Bytes> parse_hexadecimal(std::string_view digits, std::size_t bytes_max) {
  if (digits.empty() || (digits.size() + 1) / 2 > bytes_max) return std::nullopt;
  Bytes bytes;
  bytes.reserve((digits.size() + 1) / 2);
  bool second = digits.size() % 2 == 1;
  if (second) bytes.push_back(0);
  for (const char c : digits) {
    const int digit = hexadecimal_digit(c);
    if (digit < 0) return std::nullopt;
    if (second)
      bytes.back() = static_cast<std::uint8_t>(bytes.back() * 16 + digit);
    else
      bytes.push_back(static_cast<std::uint8_t>(digit));
    second = !second;
  }
  return bytes;
}

std::optional<Bytes> parse_base64(std::string_view text, std::size_t bytes_max) {
  if (text.empty() || text.size() % 4 != 0 || text.size() / 4 * 3 > bytes_max + 2) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t gathered = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int digit = i < text.size() - padding ? base64_digit(text[i]) : 0;
    if (digit < 0) return std::nullopt;
    gathered = gathered << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (int shift = 16; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(gathered >> shift));
    gathered = 0;
  }
  bytes.resize(bytes.size() - padding);
  if (bytes.size() > bytes_max) return std::nullopt;
  return bytes;
}

}  // namespace

std::string hexadecimal_text(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "0x";
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::optional<Bytes> parse_binary(std::string_view text, std::size_t bytes_max) {
  if (text.size() < 2 || text[0] != '0') return std::nullopt;
  const std::string_view rest = text.substr(2);
  if (text[1] == 'x' || text[1] == 'X') return parse_hexadecimal(rest, bytes_max);
  if (text[1] == 'b' || text[1] == 'B') return parse_base64(rest, bytes_max);
  return std::nullopt;
}

}  // namespace holdfast::iscsi
