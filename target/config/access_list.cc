#include "target/config/access_list.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <regex.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::size_t line_bytes_max = 8192;

/// Whether the first `prefix` bits of both are the same.
bool same_network(const IpAddress& a, const IpAddress& b, int prefix) {
  if (a.bits != b.bits) return false;
  const std::size_t whole = static_cast<std::size_t>(prefix) / 8;
  if (!std::equal(a.bytes.begin(), a.bytes.begin() + static_cast<std::ptrdiff_t>(whole), b.bytes.begin())) return false;
  const int rest = prefix % 8;
  return rest == 0 || (a.bytes[whole] ^ b.bytes[whole]) >> (8 - rest) == 0;
}

bool has_host_bits(const IpAddress& address, int prefix) {
  IpAddress network = address;
  for (int bit = prefix; bit < address.bits; ++bit)
    network.bytes[static_cast<std::size_t>(bit) / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
  return !(network == address);
}

}  // namespace

IpAddress IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  IpAddress address;
  if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data()) == 1) {
    address.bits = 32;
    return address;
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) != 1) return {};
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  address.bits = 128;
  if (!std::equal(mapped.begin(), mapped.end(), address.bytes.begin())) return address;
  IpAddress inner;
  inner.bits = 32;
  std::copy(address.bytes.begin() + 12, address.bytes.end(), inner.bytes.begin());
  return inner;
}

/// A basic regular expression that a whole name has to match.
class AccessList::NamePattern {
 public:
  /// Nothing if it is no such expression; then `why` says so.
  static std::shared_ptr<const NamePattern> compile(const std::string& text, std::string& why) {
    auto pattern = std::make_shared<NamePattern>();
    const int error = ::regcomp(&pattern->regex_, text.c_str(), 0);
    if (error == 0) {
      pattern->compiled_ = true;
      return pattern;
    }
    char words[128];
    ::regerror(error, &pattern->regex_, words, sizeof words);
    why = words;
    return nullptr;
  }
  NamePattern() = default;
  NamePattern(const NamePattern&) = delete;
  NamePattern& operator=(const NamePattern&) = delete;
  ~NamePattern() {
    if (compiled_) ::regfree(&regex_);
  }
  /// POSIX matches are the leftmost and of these the longest, so where the whole name can match, the
  /// whole name is what is found.
  bool matches(std::string_view name) const {
    regmatch_t found{};
    return ::regexec(&regex_, std::string(name).c_str(), 1, &found, 0) == 0 && found.rm_so == 0 &&
           static_cast<std::size_t>(found.rm_eo) == name.size();
  }

 private:
  regex_t regex_{};
  bool compiled_ = false;
};

/// Reads one line after another.
class AccessList::Reader {
 public:
  Reader(Items items, Diagnostics& diagnostics, std::vector<Line>& lines)
      : items_(items), diagnostics_(diagnostics), lines_(lines) {}

  void read(std::string_view text, int number) {
    number_ = number;
    if (text.size() > line_bytes_max) {
      diagnostics_.error(number, fmt::format("the line is longer than {} bytes", line_bytes_max));
      // Whom it was about nobody knows, so it is about everybody, and lets nobody in.
      lines_.push_back({.target = "", .items = {Broken{}}, .number = number});
      return;
    }
    rest_ = text;
    skip(blanks);
    if (rest_.empty() || rest_.front() == '#') return;
    const std::string_view name = take_until(blanks);
    Line line{.target = name == "ALL" ? "" : to_lower(name), .items = {}, .number = number};
    for (;;) {
      skip(" \t\r,");
      if (rest_.empty()) break;
      line.items.push_back(read_item(take_item()));
    }
    if (line.items.empty()) diagnostics_.warning(number, fmt::format("{} is followed by nothing: nothing matches it", shown(name)));
    lines_.push_back(std::move(line));
  }

 private:
  void skip(std::string_view characters) {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(characters), rest_.size()));
  }
  std::string_view take_until(std::string_view characters) {
    const std::size_t end = std::min(rest_.find_first_of(characters), rest_.size());
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return taken;
  }
  std::string_view take_item() { return take_until(" \t\r,"); }

  Item broken(std::string_view text, std::string_view why) {
    diagnostics_.error(number_, fmt::format("{}: {}", shown(text), why));
    return Broken{};
  }

  Item read_item(std::string_view text) {
    if (text == "ALL") return Everybody{};
    const bool bracket = text.front() == '[' && text.find(':') != std::string_view::npos;
    const std::size_t slash = text.rfind('/');
    std::string_view address = text.substr(0, slash);
    if (bracket) {
      if (address.back() != ']') return broken(text, "the [ of an IPv6 address has no ]");
      address = address.substr(1, address.size() - 2);
    }
    const IpAddress parsed = IpAddress::parse(address);
    if (parsed.bits != 0) return read_network(text, parsed, slash == std::string_view::npos ? "" : text.substr(slash + 1));
    if (bracket || items_ == Items::addresses)
      return broken(text, bracket ? "no IPv6 address" : "neither ALL nor an address nor a network");
    std::string why;
    std::shared_ptr<const NamePattern> pattern = NamePattern::compile(std::string(text), why);
    return pattern ? Item(std::move(pattern)) : broken(text, "no basic regular expression: " + why);
  }

  Item read_network(std::string_view text, const IpAddress& address, std::string_view prefix_text) {
    if (text.find('/') == std::string_view::npos) return Network{address, address.bits};
    const std::optional<std::int64_t> prefix = parse_decimal(prefix_text);
    if (!prefix || *prefix > address.bits)
      return broken(text, fmt::format("a network's prefix is 0 to {}", address.bits));
    if (has_host_bits(address, static_cast<int>(*prefix)))
      return broken(text, "bits of the address lie beyond the network's prefix");
    return Network{address, static_cast<int>(*prefix)};
  }

  const Items items_;
  Diagnostics& diagnostics_;
  std::vector<Line>& lines_;
  std::string_view rest_;
  int number_ = 0;
};

AccessList AccessList::parse(std::string_view text, Items items, Diagnostics& diagnostics) {
  AccessList list;
  Reader reader(items, diagnostics, list.lines_);
  int number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.read(text.substr(0, end), ++number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

bool AccessList::matches(const Item& item, const AccessSubject& subject) {
  if (std::holds_alternative<Everybody>(item)) return true;
  if (const Network* network = std::get_if<Network>(&item))
    return same_network(network->address, subject.address, network->prefix);
  const auto* pattern = std::get_if<std::shared_ptr<const NamePattern>>(&item);
  return pattern != nullptr && (*pattern)->matches(subject.initiator);
}

AccessList::Answer AccessList::look_up(const AccessSubject& subject) const {
  const std::string target = to_lower(subject.target);
  const auto line = std::find_if(lines_.begin(), lines_.end(),
                                 [&](const Line& one) { return one.target.empty() || one.target == target; });
  if (line == lines_.end()) return {};
  Answer answer{.line = line->number, .matches = false, .broken = false};
  for (const Item& item : line->items) {
    answer.matches |= matches(item, subject);
    answer.broken |= std::holds_alternative<Broken>(item);
  }
  answer.broken &= !answer.matches;
  return answer;
}

}  // namespace holdfast::target
