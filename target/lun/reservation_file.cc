#include "target/lun/reservation_file.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <utility>
#include <vector>
#include <xxhash.h>

namespace holdfast::target {
namespace {

constexpr std::string_view first_line = "holdfast reservations 1";
constexpr std::string_view none = "-";

bool stays_as_it_is(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == ':';
}

/// A name without blanks, slashes or control characters: what is not plain becomes %XX.
std::string escaped(std::string_view name) {
  std::string text;
  for (char c : name) {
    if (stays_as_it_is(c))
      text += c;
    else
      text += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

template <typename Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto value = number<std::uint8_t>(text.substr(i + 1, 2), 16);
    if (!value) return std::nullopt;
    name += static_cast<char>(*value);
    i += 2;
  }
  return name;
}

std::string isid_text(const scsi::InitiatorPort& port) {
  if (!port.isid) return std::string(none);
  std::string text;
  for (std::uint8_t byte : *port.isid) text += fmt::format("{:02x}", byte);
  return text;
}

std::string checksum_line(std::string_view content) {
  return fmt::format("checksum {:016x}\n", XXH3_64bits(content.data(), content.size()));
}

std::string unit_line(std::string_view target_name, std::uint32_t lun) {
  return fmt::format("unit {} {}", escaped(target_name), lun);
}

/// The lines of a file, one after another.
class Reader {
 public:
  explicit Reader(std::string_view content) : rest_(content) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view line() {
    ++line_;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return line;
  }
  /// What follows `word` and a blank in the next line.
  std::optional<std::string_view> value(std::string_view word) {
    const std::string_view text = line();
    const bool begins = text.starts_with(word) && text.substr(word.size()).starts_with(' ');
    if (!begins) return std::nullopt;
    return text.substr(word.size() + 1);
  }
  Error wrong(std::string_view what) const {
    return Error{ErrorKind::invalid_input, 0, fmt::format("line {}: {}", line_, what)};
  }

 private:
  std::string_view rest_;
  int line_ = 0;
};

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t end = line.find(' ');
    words.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return words;
    line = line.substr(end + 1);
  }
}

/// KEY PORT ISID NAME holder|registrant
std::optional<scsi::Registration> registration_of(std::string_view line) {
  const std::vector<std::string_view> words = words_of(line);
  if (words.size() != 5) return std::nullopt;
  const auto key = number<std::uint64_t>(words[0], 16);
  const auto port = number<std::uint16_t>(words[1], 10);
  std::optional<std::string> name = unescaped(words[3]);
  if (!key || *key == 0 || !port || !name) return std::nullopt;
  if (name->empty() || name->size() > scsi::InitiatorPort::name_bytes_max) return std::nullopt;
  scsi::Registration registration{
      .port = {.name = std::move(*name), .isid = {}}, .target_port = *port, .key = *key};
  if (words[2] != none) {
    const auto isid = number<std::uint64_t>(words[2], 16);
    if (words[2].size() != 12 || !isid) return std::nullopt;
    registration.port.isid.emplace();
    for (std::size_t i = 0; i < 6; ++i)
      (*registration.port.isid)[i] = static_cast<std::uint8_t>(*isid >> (8 * (5 - i)));
  }
  registration.holds = words[4] == "holder";
  if (!registration.holds && words[4] != "registrant") return std::nullopt;
  return registration;
}

/// Whether the parts fit together as the rules leave them.
bool is_consistent(const scsi::PersistentReservations& state) {
  const auto& registrations = state.registrations;
  const auto holders =
      std::count_if(registrations.begin(), registrations.end(),
                    [](const scsi::Registration& registration) { return registration.holds; });
  if (!state.reservation) return holders == 0;
  if (registrations.empty()) return false;
  return holders == (scsi::is_held_by_all(*state.reservation) ? 0 : 1);
}

/// Checks the checksum in the last line, and returns what stands before it.
std::optional<std::string_view> checked(std::string_view content) {
  const std::size_t last = content.rfind("checksum ");
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view body = content.substr(0, last);
  if (content.substr(last) != checksum_line(body)) return std::nullopt;
  return body;
}

}  // namespace

std::string reservation_file_name(std::string_view target_name, std::uint32_t lun) {
  constexpr std::size_t readable_bytes_max = 180;
  const std::string name = escaped(target_name);
  if (name.size() <= readable_bytes_max) return fmt::format("{}.lun{}.reservations", name, lun);
  const XXH128_hash_t hash = XXH3_128bits(target_name.data(), target_name.size());
  return fmt::format("{}.{:016x}{:016x}.lun{}.reservations", name.substr(0, readable_bytes_max),
                     hash.high64, hash.low64, lun);
}

std::string encode_reservations(const scsi::PersistentReservations& state,
                                std::string_view target_name, std::uint32_t lun) {
  const bool kept = state.persist;
  std::string content =
      fmt::format("{}\n{}\npersist {}\ngeneration {}\ntype {}\n", first_line,
                  unit_line(target_name, lun), kept ? "yes" : "no", kept ? state.generation : 0,
                  kept && state.reservation ? static_cast<int>(*state.reservation) : 0);
  if (kept) {
    for (const scsi::Registration& registration : state.registrations)
      content += fmt::format("registration {:016x} {} {} {} {}\n", registration.key,
                             registration.target_port, isid_text(registration.port),
                             escaped(registration.port.name),
                             registration.holds ? "holder" : "registrant");
  }
  return content + checksum_line(content);
}

Result<scsi::PersistentReservations> decode_reservations(std::string_view content,
                                                         std::string_view target_name,
                                                         std::uint32_t lun) {
  const std::optional<std::string_view> body = checked(content);
  if (!body) return Error{ErrorKind::invalid_input, 0, "it is damaged: its checksum is wrong"};
  Reader reader(*body);
  scsi::PersistentReservations state;
  if (reader.line() != first_line) return reader.wrong("it is not of this format");
  if (reader.line() != unit_line(target_name, lun)) return reader.wrong("it is another unit's");
  const auto persist = reader.value("persist");
  if (persist != "yes" && persist != "no") return reader.wrong("yes or no is needed");
  state.persist = persist == "yes";
  const auto generation = number<std::uint32_t>(reader.value("generation").value_or(""), 10);
  if (!generation) return reader.wrong("no generation");
  state.generation = *generation;
  const auto type = number<std::uint8_t>(reader.value("type").value_or(""), 10);
  if (!type) return reader.wrong("no type");
  if (*type != 0) {
    state.reservation = scsi::reservation_type(*type);
    if (!state.reservation) return reader.wrong("no such type");
  }
  while (!reader.at_end()) {
    auto registration = registration_of(reader.value("registration").value_or(""));
    if (!registration) return reader.wrong("no registration");
    if (state.registrations.size() == scsi::registrations_max)
      return reader.wrong("too many registrations");
    state.registrations.push_back(std::move(*registration));
  }
  if (!is_consistent(state)) return reader.wrong("the reservation and its holder do not fit");
  return state;
}

}  // namespace holdfast::target
