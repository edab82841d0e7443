#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "target/config/diagnostics.h"

namespace holdfast::target {

/// An IPv4 or IPv6 address as bytes; an IPv4 address in IPv6's clothes (::ffff:…) is the IPv4 one.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  int bits = 0;  // 32 or 128; 0: none

  /// Reads a numeric address without brackets; `bits` is 0 if it is none.
  static IpAddress parse(std::string_view text);
  bool operator==(const IpAddress&) const = default;
};

/// Who asks, of an initiators.allow or .deny; or what is asked of, of a targets.allow.
struct AccessSubject {
  std::string_view target;
  std::string_view initiator;  // its iSCSI name; empty for a targets.allow
  IpAddress address;           // the initiator's, or the portal's
};

/// One of IET's access files. A line is `TARGET ITEM[, ITEM]…`: the target's name or ALL, and items
/// that are ALL, an address, a network in CIDR notation, an IPv6 address or network with the address
/// in brackets, or, where initiators are listed, a basic regular expression for the whole of the
/// initiator's name. Only the first line for a target counts, whether an item of it matches or not.
class AccessList {
 public:
  enum class Items : std::uint8_t { addresses, addresses_and_names };

  /// Reads the text of such a file. A broken item is said, and remembered as broken.
  static AccessList parse(std::string_view text, Items items, Diagnostics& diagnostics);

  struct Answer {
    int line = 0;          // the first line for the target; 0: there is none
    bool matches = false;  // one of its items
    bool broken = false;   // none matches, and one of them cannot be read
  };
  Answer look_up(const AccessSubject& subject) const;

 private:
  struct Everybody {};
  struct Network {
    IpAddress address;
    int prefix = 0;
  };
  struct Broken {};
  class NamePattern;
  using Item = std::variant<Everybody, Network, Broken, std::shared_ptr<const NamePattern>>;
  struct Line {
    std::string target;  // in lower case; empty: ALL
    std::vector<Item> items;
    int number = 0;
  };
  class Reader;

  static bool matches(const Item& item, const AccessSubject& subject);

  std::vector<Line> lines_;
};

}  // namespace holdfast::target
