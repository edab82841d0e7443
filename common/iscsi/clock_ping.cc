#include "common/iscsi/clock_ping.h"

#include <bit>
#include <cstring>

namespace holdfast::iscsi {
namespace {

constexpr std::uint64_t mark = 0x4846'434c'4f43'4b31;  // "HFCLOCK1"

/// No clock that counts from a boot gets there in 70 years, and differences of such times have room.
constexpr std::uint64_t time_end = std::uint64_t{1} << 61;

struct Picture {
  be64 mark{};
  be64 number{};
  be64 sent{};
  be64 answered_number{};
  be64 answered{};
};
static_assert(sizeof(Picture) == clock_ping_bytes);

std::uint64_t nanoseconds(Instant instant) {
  return static_cast<std::uint64_t>(instant.time_since_epoch().count());
}
Instant instant_of(std::uint64_t nanoseconds) {
  return Instant(Duration(static_cast<std::int64_t>(nanoseconds)));
}

}  // namespace

std::array<std::byte, clock_ping_bytes> encode(const ClockPing& ping) {
  Picture picture;
  picture.mark = mark;
  picture.number = ping.number;
  picture.sent = nanoseconds(ping.sent);
  picture.answered_number = ping.answered_number;
  picture.answered = nanoseconds(ping.answered);
  return std::bit_cast<std::array<std::byte, clock_ping_bytes>>(picture);
}

std::optional<ClockPing> decode_clock_ping(std::span<const std::byte> data) {
  if (data.size() != clock_ping_bytes) return std::nullopt;
  Picture picture;
  std::memcpy(static_cast<void*>(&picture), data.data(), sizeof picture);
  const bool is_time = picture.sent < time_end && picture.answered < time_end;
  if (picture.mark != mark || !is_time) return std::nullopt;
  return ClockPing{.number = picture.number,
                   .sent = instant_of(picture.sent),
                   .answered_number = picture.answered_number,
                   .answered = instant_of(picture.answered)};
}

}  // namespace holdfast::iscsi
