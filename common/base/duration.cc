#include "common/base/duration.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>

namespace holdfast {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};

constexpr std::array<Unit, 5> units = {{
    {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
}};
constexpr double year_nanoseconds = 365.0 * 24 * 3600e9;

Error wrong(std::string_view text, std::string_view why) {
  return Error{ErrorKind::invalid_input, EINVAL,
               fmt::format("'{}' is no duration: {}; write it as 500ms, 1.5s, 10s, 2m or 1h", text, why)};
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error == std::errc::invalid_argument || stop == text.data()) return wrong(text, "it has no number");
  if (error == std::errc::result_out_of_range || !std::isfinite(number)) return wrong(text, "it is too long");
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (unit.empty()) return wrong(text, "it has no unit");
  for (const Unit& one : units) {
    if (unit != one.name) continue;
    const double nanoseconds = number * one.nanoseconds;
    if (nanoseconds < 0) return wrong(text, "it is negative");
    if (nanoseconds < 1) return wrong(text, "it is nothing");
    if (nanoseconds > year_nanoseconds) return wrong(text, "it is too long");
    return Duration(std::llround(nanoseconds));
  }
  return wrong(text, fmt::format("'{}' is no unit", unit));
}

}  // namespace holdfast
