#include "target/config/values.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fmt/core.h>
#include <vector>

namespace holdfast::target {
namespace {

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::optional<std::int64_t> parse_with_base(std::string_view text, int base) {
  // Blanks that strtoll would skip can only have come out of quotes.
  const std::string whole(text);
  if (whole.empty() || std::isspace(static_cast<unsigned char>(whole.front()))) return std::nullopt;
  char* end = nullptr;
  const long long value = std::strtoll(whole.c_str(), &end, base);
  if (end != whole.c_str() + whole.size()) return std::nullopt;
  return value;
}

/// How many letters must be put in, left out, replaced, or swapped with a neighbour to come from
/// `a` to `b`, case aside.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0u : 1u)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row[b.size()];
}

/// How many bytes follow the first one of a UTF-8 character; 4 when none can begin with it.
std::size_t continuation_bytes(unsigned char first) {
  if (first < 0x80) return 0;
  if (first < 0xc2 || first > 0xf4) return 4;
  return first < 0xe0 ? 1 : (first < 0xf0 ? 2 : 3);
}

}  // namespace

std::optional<std::int64_t> parse_number(std::string_view text) {
  return parse_with_base(text, 0);
}

std::int64_t parse_number_prefix(std::string_view text) {
  return std::strtoll(std::string(text).c_str(), nullptr, 0);
}

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  if (text.empty() || !std::isdigit(static_cast<unsigned char>(text.front()))) return std::nullopt;
  return parse_with_base(text, 10);
}

bool is_octal(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && std::isdigit(static_cast<unsigned char>(text[1]));
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string to_lower(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), lower);
  return lowered;
}

std::string_view nearest(std::string_view misspelt, std::span<const std::string_view> candidates) {
  constexpr std::size_t length_max = 64;  // Longer than any name of ours, and the work is bounded.
  if (misspelt.size() > length_max) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(misspelt.size() / 3, 1) + 1;
  for (std::string_view candidate : candidates) {
    const std::size_t found = distance(misspelt, candidate);
    if (found >= best_distance) continue;
    best = candidate;
    best_distance = found;
  }
  return best;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t more = continuation_bytes(static_cast<unsigned char>(text[i]));
    if (more > 3 || i + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += more + 1;
  }
  return true;
}

std::string shown(std::string_view text) {
  constexpr std::size_t shown_max = 80;
  const bool readable = is_utf8(text) && text.size() <= shown_max;
  std::string out = "\"";
  for (char c : text.substr(0, shown_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !readable))
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  out += text.size() > shown_max ? "…\"" : "\"";
  return out;
}

}  // namespace holdfast::target
