#include "common/base/size.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>

namespace holdfast {
namespace {

constexpr std::string_view letters = "kmgt";

Error wrong(std::string_view text, std::string_view why) {
  return Error{ErrorKind::invalid_input, EINVAL,
               fmt::format("'{}' is no size: {}; write it as 512, 4k, 1m, 10g or 2t", text, why)};
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc::invalid_argument) return wrong(text, "it has no whole number");
  if (error == std::errc::result_out_of_range) return wrong(text, "it is too large");
  if (number == 0) return wrong(text, "it is nothing");
  const std::string_view unit(stop, static_cast<std::size_t>(end - stop));
  if (unit.empty()) return number;
  const std::size_t power = unit.size() == 1 ? letters.find(static_cast<char>(unit[0] | 0x20)) : std::string_view::npos;
  if (power == std::string_view::npos) return wrong(text, fmt::format("'{}' is no unit", unit));
  const auto shift = static_cast<unsigned>(10 * (power + 1));
  if (number > (UINT64_MAX >> shift)) return wrong(text, "it is too large");
  return number << shift;
}

}  // namespace holdfast
