#include "target/lun/atomic_intent.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <xxhash.h>

#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

constexpr std::string_view first_words = "holdfast intent 1 ";

std::uint64_t checksum(const void* bytes, std::size_t count) {
  return XXH3_64bits(bytes, count);
}

/// A number and the character after it, taken from the front.
std::optional<std::uint64_t> take_number(std::string_view& text, char end) {
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc() || stopped == last || *stopped != end) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()) + 1);
  return value;
}

Error damaged() {
  return Error{ErrorKind::invalid_input, 0, "its content is not what was written"};
}

}  // namespace

AtomicIntent AtomicIntent::of_write(std::uint64_t offset, std::span<const iovec> vectors) {
  AtomicIntent intent;
  intent.offset = offset;
  const std::uint64_t bytes = total_bytes(vectors);
  CHECK(bytes % sector_bytes == 0 && bytes <= transfer_bytes_max);
  intent.before.resize(bytes);
  intent.after.reserve(bytes / sector_bytes);
  // Sectors may lie across vectors.
  std::byte sector[sector_bytes];
  std::size_t filled = 0;
  for (const iovec& vector : vectors) {
    for (std::size_t at = 0; at < vector.iov_len;) {
      const std::size_t now = std::min(vector.iov_len - at, sector_bytes - filled);
      std::memcpy(sector + filled, static_cast<const std::byte*>(vector.iov_base) + at, now);
      at += now;
      filled += now;
      if (filled < sector_bytes) continue;
      intent.after.push_back(checksum(sector, sector_bytes));
      filled = 0;
    }
  }
  return intent;
}

std::string AtomicIntent::encode() const {
  std::string text = fmt::format("{}{} {}\n", first_words, offset, before.size());
  text.reserve(text.size() + before.size() + (after.size() + 1) * sizeof(std::uint64_t));
  text.append(reinterpret_cast<const char*>(after.data()), after.size() * sizeof(std::uint64_t));
  text += before;
  const std::uint64_t sum = checksum(text.data(), text.size());
  text.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  return text;
}

Result<AtomicIntent> AtomicIntent::decode(std::string_view text) {
  std::uint64_t sum = 0;
  if (text.size() < sizeof sum) return damaged();
  std::memcpy(&sum, text.data() + text.size() - sizeof sum, sizeof sum);
  text.remove_suffix(sizeof sum);
  if (checksum(text.data(), text.size()) != sum || !text.starts_with(first_words)) return damaged();
  text.remove_prefix(first_words.size());
  const auto offset = take_number(text, ' ');
  const auto bytes = take_number(text, '\n');
  if (!offset || !bytes || *bytes > transfer_bytes_max || *bytes % sector_bytes != 0) return damaged();
  AtomicIntent intent;
  intent.offset = *offset;
  intent.after.resize(*bytes / sector_bytes);
  const std::size_t sums = intent.after.size() * sizeof(std::uint64_t);
  if (text.size() != sums + *bytes) return damaged();
  std::memcpy(intent.after.data(), text.data(), sums);
  intent.before = text.substr(sums);
  return intent;
}

bool AtomicIntent::is_before(std::size_t number, std::span<const std::byte> sector) const {
  return std::memcmp(before.data() + number * sector_bytes, sector.data(), sector_bytes) == 0;
}

bool AtomicIntent::is_after(std::size_t number, std::span<const std::byte> sector) const {
  return after[number] == checksum(sector.data(), sector_bytes);
}

}  // namespace holdfast::target
