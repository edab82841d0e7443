#include "target/config/lun_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <limits>
#include <string_view>
#include <utility>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::int64_t lun_max = 16'383;  // what flat space addressing can name (SAM-5 4.7.7.1)
constexpr std::size_t scsi_id_bytes_max = 16;
constexpr std::size_t scsi_sn_bytes_max = 32;
constexpr std::size_t path_bytes_max = 4095;

template <typename Value>
struct Choice {
  std::string_view name;
  Value value;
};

constexpr Choice<LunType> types[] = {
    {"fileio", LunType::fileio},
    {"blockio", LunType::blockio},
    {"nullio", LunType::nullio},
    {"memory", LunType::memory}};
constexpr Choice<bool> yes_or_no[] = {{"yes", true}, {"no", false}};
// Rotations a minute, as VPD page B1h has them; "yes" is a disk that does not say how fast.
constexpr std::int64_t rotation_rate_min = 0x0401, rotation_rate_max = 0xfffe;
constexpr Choice<IoMode> modes[] = {
    {"wt", IoMode::write_through},
    {"wb", IoMode::write_back},
    {"ro", IoMode::read_only},
    {"direct", IoMode::direct}};

/// What the options of one line say; each returns what is wrong with its value, or nothing.
struct Draft {
  LunConfig lun;
  const std::string& directory;
};
using Complaint = std::string;

template <typename Value, std::size_t count>
Complaint choose(const Choice<Value> (&choices)[count], std::string_view text, Value& into) {
  std::string accepted;
  for (const Choice<Value>& choice : choices) {
    if (choice.name == text) {
      into = choice.value;
      return {};
    }
    accepted += accepted.empty() ? "" : ", ";
    accepted += choice.name;
  }
  return fmt::format("is {}; {} are accepted", shown(text), accepted);
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

Complaint set_text(std::string_view text, std::size_t bytes_max, std::string& into) {
  if (!is_printable(text)) return "may hold printable ASCII only";
  if (text.size() > bytes_max)
    return fmt::format("has {} characters; 1 to {} are accepted", text.size(), bytes_max);
  into = text;
  return {};
}

Complaint set_path(Draft& draft, std::string_view text) {
  draft.lun.path =
      text.starts_with('/') ? std::string(text) : fmt::format("{}/{}", draft.directory, text);
  if (draft.lun.path.size() > path_bytes_max)
    return fmt::format("is longer than {} bytes", path_bytes_max);
  return {};
}

Complaint set_block_size(Draft& draft, std::string_view text) {
  const std::optional<std::int64_t> value = parse_number(text);
  for (std::uint32_t accepted : {512u, 1024u, 2048u, 4096u}) {
    if (value != accepted) continue;
    draft.lun.block_bytes = accepted;
    return {};
  }
  return fmt::format("is {}; 512, 1024, 2048 and 4096 are accepted", shown(text));
}

Complaint set_blocks(Draft& draft, std::string_view text) {
  // With blocks of 4 KiB the size in bytes still fits what the kernel and SCSI can count.
  constexpr std::int64_t blocks_max = std::numeric_limits<std::int64_t>::max() / 4096;
  const std::optional<std::int64_t> value = parse_number(text);
  if (!value || *value < 1 || *value > blocks_max)
    return fmt::format("is {}; 1 to {} is accepted", shown(text), blocks_max);
  draft.lun.blocks = static_cast<std::uint64_t>(*value);
  return {};
}

constexpr std::string_view lun_is_left_out = "the Lun is not served";

/// A number of bytes, as it is or with K, M, G or T after it (of 1024 each).
std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view units = "KMGT";
  unsigned shift = 0;
  if (!text.empty()) {
    const std::size_t unit = units.find(text.back());
    if (unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      text.remove_suffix(1);
    }
  }
  const std::optional<std::int64_t> value = parse_number(text);
  constexpr auto bytes_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!value || *value < 0 || static_cast<std::uint64_t>(*value) > bytes_max >> shift)
    return std::nullopt;
  return static_cast<std::uint64_t>(*value) << shift;
}

Complaint set_size(Draft& draft, std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_bytes(text);
  if (!bytes || *bytes < 4096)
    return fmt::format("is {}; a number of bytes from 4096 on is accepted, as in 64M", shown(text));
  draft.lun.size = *bytes;
  return {};
}

Complaint set_physical_block_size(Draft& draft, std::string_view text) {
  const std::optional<std::uint64_t> bytes = parse_bytes(text);
  if (!bytes || *bytes < 512 || *bytes > 1024 * 1024 || (*bytes & (*bytes - 1)) != 0)
    return fmt::format("is {}; a power of two from 512 to 1M is accepted", shown(text));
  draft.lun.physical_block_bytes = static_cast<std::uint32_t>(*bytes);
  return {};
}

Complaint set_max_transfer(Draft& draft, std::string_view text) {
  constexpr std::uint64_t least = 64 * 1024, most = 4 * 1024 * 1024;
  const std::optional<std::uint64_t> bytes = parse_bytes(text);
  if (!bytes || *bytes < least || *bytes > most || *bytes % 4096 != 0)
    return fmt::format("is {}; 64K to 4M, a multiple of 4K, is accepted", shown(text));
  draft.lun.max_transfer = static_cast<std::uint32_t>(*bytes);
  return {};
}

Complaint set_rotational(Draft& draft, std::string_view text) {
  constexpr std::uint16_t does_not_say = 0, does_not_rotate = 1;
  const std::optional<std::int64_t> rate = parse_number(text);
  if (text == "no") {
    draft.lun.rotation_rate = does_not_rotate;
  } else if (text == "yes") {
    draft.lun.rotation_rate = does_not_say;
  } else if (rate && *rate >= rotation_rate_min && *rate <= rotation_rate_max) {
    draft.lun.rotation_rate = static_cast<std::uint16_t>(*rate);
  } else {
    return fmt::format("is {}; yes, no or rotations a minute from {} to {} are accepted",
                       shown(text), rotation_rate_min, rotation_rate_max);
  }
  return {};
}

/// An NAA designator in hexadecimal: IEEE registered (5) or locally assigned (3).
Complaint set_wwn(Draft& draft, std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  const std::uint64_t naa = value >> 60;
  if (digits.size() != 16 || error != std::errc() || end != digits.data() + digits.size() ||
      (naa != 3 && naa != 5))
    return fmt::format("is {}; 16 hexadecimal digits that begin with 5 or 3 are accepted",
                       shown(text));
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
  draft.lun.wwn = bytes;
  return {};
}

template <bool LunConfig::*member>
Complaint set_flag(Draft& draft, std::string_view text) {
  return choose(yes_or_no, text, draft.lun.*member);
}

template <std::string LunConfig::*member, std::size_t bytes_max>
Complaint set_name(Draft& draft, std::string_view text) {
  return set_text(text, bytes_max, draft.lun.*member);
}

struct Option {
  std::string_view name;
  std::string_view same_as;  // the name under which a duplicate is found
  Complaint (*apply)(Draft&, std::string_view);
  bool may_stand_alone = false;  // without a value it says yes
};

constexpr std::array options = {
    Option{"Path", "Path", set_path},
    Option{"Type", "Type",
           [](Draft& draft, std::string_view text) { return choose(types, text, draft.lun.type); }},
    Option{"IOMode", "IOMode",
           [](Draft& draft, std::string_view text) { return choose(modes, text, draft.lun.mode); }},
    Option{"BlockSize", "BlockSize", set_block_size},
    Option{"ScsiId", "ScsiId",
           [](Draft& draft, std::string_view text) {
             return set_text(text, scsi_id_bytes_max, draft.lun.scsi_id);
           }},
    Option{"ScsiSN", "ScsiSN",
           [](Draft& draft, std::string_view text) {
             return set_text(text, scsi_sn_bytes_max, draft.lun.scsi_sn);
           }},
    Option{"Blocks", "Blocks", set_blocks},
    Option{"Sectors", "Blocks", set_blocks},
    Option{"Size", "Size", set_size},
    Option{"Thin", "Thin", set_flag<&LunConfig::thin>},
    Option{"Removable", "Removable", set_flag<&LunConfig::removable>},
    Option{"WriteProtect", "WriteProtect", set_flag<&LunConfig::write_protect>, true},
    Option{"PhysicalBlockSize", "PhysicalBlockSize", set_physical_block_size},
    Option{"Rotational", "Rotational", set_rotational},
    Option{"MaxTransfer", "MaxTransfer", set_max_transfer},
    Option{"Vendor", "Vendor", set_name<&LunConfig::vendor, 8>},
    Option{"Product", "Product", set_name<&LunConfig::product, 16>},
    Option{"Revision", "Revision", set_name<&LunConfig::revision, 4>},
    Option{"Wwn", "Wwn", set_wwn},
};

const Option* find_option(std::string_view name) {
  for (const Option& option : options)
    if (equal_ignoring_case(option.name, name)) return &option;
  return nullptr;
}

Complaint unknown_option(std::string_view name) {
  std::array<std::string_view, options.size()> names;
  std::transform(options.begin(), options.end(), names.begin(),
                 [](const Option& option) { return option.name; });
  const std::string_view meant = nearest(name, names);
  if (meant.empty()) return fmt::format("{} is no option of Lun", shown(name));
  return fmt::format("{} is no option of Lun; did you mean {}?", shown(name), meant);
}

/// The options with the lines that they stand on. Blanks are fine beside a comma, and only there.
std::vector<Word> split_options(const Line& line, Diagnostics& diagnostics) {
  std::vector<Word> found;
  bool comma_before = true;
  for (std::size_t i = 2; i < line.words.size(); ++i) {
    std::vector<Word> pieces = line.words[i].split(',');
    if (!comma_before && !pieces.front().text.empty())
      diagnostics.error(line.words[i].line,
                        "a comma is missing before " + shown(line.words[i].text));
    comma_before = pieces.size() > 1 && pieces.back().text.empty();
    for (Word& piece : pieces)
      if (!piece.text.empty()) found.push_back(std::move(piece));
  }
  return found;
}

/// One option. Returns false after complaining.
bool apply_option(const Word& word, std::vector<std::string_view>& seen, Draft& draft,
                  Diagnostics& diagnostics) {
  const std::size_t equals = word.text.find('=');
  const std::string_view text = word.text;
  const std::string_view name = text.substr(0, equals);
  const Option* option = find_option(name);
  Complaint error;
  if (option == nullptr) {
    error = unknown_option(name);
  } else if (const bool bare = equals == std::string_view::npos;
             (bare && !option->may_stand_alone) || equals + 1 == text.size()) {
    error = fmt::format("{}= needs a value", option->name);
  } else if (std::find(seen.begin(), seen.end(), option->same_as) != seen.end()) {
    error = fmt::format("{}= is given twice", option->name);
  } else {
    seen.push_back(option->same_as);
    error = option->apply(draft, bare ? std::string_view("yes") : text.substr(equals + 1));
    if (!error.empty()) error = fmt::format("{}= {}", option->name, error);
  }
  if (!error.empty()) diagnostics.fault(word.line, error, lun_is_left_out);
  return error.empty();
}

/// Options that are good alone and wrong together.
std::vector<Complaint> contradictions(const LunConfig& lun,
                                      const std::vector<std::string_view>& seen) {
  const auto has = [&seen](std::string_view name) {
    return std::find(seen.begin(), seen.end(), name) != seen.end();
  };
  std::vector<Complaint> found;
  const bool null = lun.type == LunType::nullio;
  const bool memory = lun.type == LunType::memory;
  if (!null && !memory && !has("Path")) found.push_back("Path= is missing");
  if (!null && has("Blocks")) found.push_back("Blocks= (or Sectors=) is for Type=nullio only");
  if (null && has("Path")) found.push_back("Path= has no meaning with Type=nullio");
  if (null && has("IOMode")) found.push_back("IOMode= has no meaning with Type=nullio");
  if (memory && !has("Size")) found.push_back("Size= is missing");
  if (!memory && has("Size")) found.push_back("Size= is for Type=memory only");
  if (memory && has("Path")) found.push_back("Path= has no meaning with Type=memory");
  if (memory && has("IOMode")) found.push_back("IOMode= has no meaning with Type=memory");
  if (null && has("Thin")) found.push_back("Thin= has no meaning with Type=nullio");
  return found;
}

}  // namespace

std::optional<LunConfig> parse_lun_line(const Line& line, const std::string& directory,
                                        Diagnostics& diagnostics) {
  if (line.words.size() < 2) {
    diagnostics.fault(line.number, "Lun needs a number and options, as in: Lun 0 Path=/srv/disk.img",
                      lun_is_left_out);
    return std::nullopt;
  }
  Draft draft{.lun = {}, .directory = directory};
  bool good = true;
  const std::optional<std::int64_t> number = parse_decimal(line.words[1].text);
  if (!number || *number > lun_max) {
    diagnostics.fault(line.number,
                      fmt::format("the number of a Lun is {}; 0 to {}, in decimal, is accepted",
                                  shown(line.words[1].text), lun_max),
                      lun_is_left_out);
    good = false;
  } else {
    draft.lun.number = static_cast<std::uint32_t>(*number);
  }
  draft.lun.line = line.number;

  std::vector<std::string_view> seen;
  for (const Word& word : split_options(line, diagnostics))
    good = apply_option(word, seen, draft, diagnostics) && good;
  if (good) {
    for (const Complaint& error : contradictions(draft.lun, seen)) {
      diagnostics.fault(line.number, error, lun_is_left_out);
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return std::move(draft.lun);
}

}  // namespace holdfast::target
