#include "common/scsi/mode.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "common/scsi/thresholds.h"

namespace holdfast::scsi {
namespace {

constexpr std::uint8_t all_pages = 0x3f;
constexpr std::uint8_t all_subpages = 0xff;

// Bits of the control page that can be changed, by their bytes after PAGE LENGTH.
constexpr std::uint8_t d_sense = 0x04, swp = 0x08;
constexpr std::size_t d_sense_byte = 0, swp_byte = 2;

struct Page {
  std::uint8_t code;
  std::uint8_t subpage;
  std::uint8_t parameter_bytes;  // after PAGE LENGTH
  void (*put)(ParameterData&, const ModeParameters&, const ModeValues&);
  bool changeable = false;
  bool of_thin_units = false;

  bool is_there(const ModeParameters& unit) const { return unit.thresholds || !of_thin_units; }
};

void error_recovery(ParameterData& data, const ModeParameters& unit,
                    const ModeValues&) {  // SBC-3 6.5.8
  data.put(std::uint8_t{0xc0});  // AWRE, ARRE: what is below us moves its bad blocks by itself
  data.put_zeros(4);
  data.put(static_cast<std::uint8_t>(unit.thresholds ? 0x80 : 0x00));  // LBPERE
  data.put_zeros(4);
}

void disconnect_reconnect(ParameterData& data, const ModeParameters&, const ModeValues&) {
  data.put_zeros(14);  // SPC-4 7.5.8: all of it is the protocol's own business
}

void format_device(ParameterData& data, const ModeParameters& unit, const ModeValues&) {
  data.put_zeros(8);   // SBC-2 6.3.2, for those that still ask: no defects, no tracks
  data.put_be16(256);  // SECTORS PER TRACK
  data.put_be16(static_cast<std::uint16_t>(unit.geometry.block_bytes));
  data.put_be16(1);  // INTERLEAVE
  data.put_zeros(4);
  data.put(std::uint8_t{0x40});  // HSEC
  data.put_zeros(3);
}

void rigid_disk_geometry(ParameterData& data, const ModeParameters& unit, const ModeValues&) {
  constexpr std::uint64_t heads = 64, sectors = 256, cylinders_max = 0xff'ffff;
  const std::uint64_t cylinders =
      std::min(std::max<std::uint64_t>(unit.geometry.blocks / (heads * sectors), 1), cylinders_max);
  data.put(static_cast<std::uint8_t>(cylinders >> 16));
  data.put_be16(static_cast<std::uint16_t>(cylinders));
  data.put(static_cast<std::uint8_t>(heads));
  data.put_zeros(14);
  data.put_be16(unit.rotation_rate > 1 ? unit.rotation_rate : 0);
  data.put_zeros(2);
}

void caching(ParameterData& data, const ModeParameters& unit, const ModeValues&) {  // SBC-3 6.5.5
  data.put(static_cast<std::uint8_t>(unit.write_cache_enabled ? 0x04 : 0x00));
  data.put_zeros(17);
}

void control(ParameterData& data, const ModeParameters&, const ModeValues& values) {
  // SPC-4 7.5.9. TST 001b: a task set for each I_T nexus.
  data.put(static_cast<std::uint8_t>(0x20 | (values.descriptor_sense ? d_sense : 0)));
  data.put(std::uint8_t{0x10});  // QUEUE ALGORITHM MODIFIER 1h: in any order. QERR 00b
  data.put({
      static_cast<std::uint8_t>(values.software_write_protect ? swp : 0),  // UA_INTLCK_CTRL 00b
      0x00,  // TAS 0: commands that another nexus aborts end without a status
  });
  data.put_zeros(6);
}

void control_extension(ParameterData& data, const ModeParameters&,
                       const ModeValues&) {  // SPC-4 7.5.10
  data.put_zeros(28);
}

void informational_exceptions(ParameterData& data, const ModeParameters&,
                              const ModeValues&) {  // SPC-4 7.5.11
  data.put(std::uint8_t{0x08});                     // DEXCPT: we predict no failures
  data.put_zeros(9);
}

void provisioning(ParameterData& data, const ModeParameters& unit,
                  const ModeValues&) {  // SBC-3 6.5.7
  constexpr std::uint8_t enabled = 0x80;  // soft, told when what is available decreases to it
  constexpr std::uint8_t available = 0x01;
  data.put_zeros(12);  // SITUA 0: every nexus is told
  data.put({enabled, available, 0, 0});
  data.put_be32(soft_threshold_sets(unit.geometry));
}

// In the order of page codes, as MODE SENSE returns them.
constexpr Page pages[] = {
    {0x01, 0x00, 10, error_recovery},    {0x02, 0x00, 14, disconnect_reconnect},
    {0x03, 0x00, 22, format_device},     {0x04, 0x00, 22, rigid_disk_geometry},
    {0x08, 0x00, 18, caching},           {0x0a, 0x00, 10, control, true},
    {0x0a, 0x01, 28, control_extension}, {0x1c, 0x00, 10, informational_exceptions},
    {0x1c, 0x02, 20, provisioning, false, true},
};

bool is_asked_for(const Page& page, const ModeSense& command, const ModeParameters& unit) {
  if (!page.is_there(unit)) return false;
  const bool code = command.page == all_pages || command.page == page.code;
  return code && (command.subpage == all_subpages || command.subpage == page.subpage);
}

void put_changeable(ParameterData& data, const Page& page) {
  const std::size_t start = data.size();
  data.put_zeros(page.parameter_bytes);
  if (!page.changeable) return;
  data.set(start + d_sense_byte, d_sense);
  data.set(start + swp_byte, swp);
}

/// A page as its values or as the mask of what can be changed.
void put_page(ParameterData& data, const Page& page, PageControl control,
              const ModeParameters& unit) {
  const auto saveable = static_cast<std::uint8_t>(unit.saved ? 0x80 : 0);  // PS
  if (page.subpage == 0) {                                                 // PAGE_0 format
    data.put({static_cast<std::uint8_t>(page.code | saveable), page.parameter_bytes});
  } else {  // SUB_PAGE format
    data.put({static_cast<std::uint8_t>(page.code | 0x40 | saveable), page.subpage, 0,
              page.parameter_bytes});
  }
  switch (control) {
    case PageControl::changeable:
      return put_changeable(data, page);
    case PageControl::current:
      return page.put(data, unit, unit.current);
    case PageControl::defaults:
      return page.put(data, unit, ModeValues{});
    case PageControl::saved:
      return page.put(data, unit, unit.saved.value_or(ModeValues{}));
  }
}

void put_block_descriptor(ParameterData& data, const Geometry& geometry, bool long_lba) {
  if (long_lba) {  // SBC-3 6.5.2.3
    data.put_be64(geometry.blocks);
    data.put_be32(0);
    data.put_be32(geometry.block_bytes);
  } else {  // SBC-3 6.5.2.2
    data.put_be32(
        static_cast<std::uint32_t>(std::min<std::uint64_t>(geometry.blocks, 0xffff'ffff)));
    data.put_be32(geometry.block_bytes);  // its first byte is reserved, and 0 at these sizes
  }
}

void put_header(ParameterData& data, const ModeSense& command, const ModeParameters& unit,
                std::uint8_t descriptor_bytes) {
  constexpr std::uint8_t dpofua = 0x10;
  const auto device_specific =
      static_cast<std::uint8_t>((unit.write_protected ? 0x80 : 0) | dpofua);
  if (command.ten) {
    const bool long_lba = descriptor_bytes > 8;
    data.put({0, 0, 0, device_specific, static_cast<std::uint8_t>(long_lba ? 1 : 0), 0, 0,
              descriptor_bytes});
  } else {
    data.put({0, 0, device_specific, descriptor_bytes});
  }
}

}  // namespace

std::variant<ParameterData, Sense> mode_sense(const ModeSense& command,
                                              const ModeParameters& unit) {
  if (command.control == PageControl::saved && !unit.saved)
    return illegal_request(additional_sense::saving_parameters_not_supported, FieldPointer{2, 7});

  std::uint8_t descriptor_bytes = 0;
  if (!command.disable_block_descriptors) descriptor_bytes = command.long_lba_accepted ? 16 : 8;
  ParameterData data;
  put_header(data, command, unit, descriptor_bytes);
  if (descriptor_bytes != 0) put_block_descriptor(data, unit.geometry, command.long_lba_accepted);

  const std::size_t without_pages = data.size();
  for (const Page& page : pages)
    if (is_asked_for(page, command, unit)) put_page(data, page, command.control, unit);
  if (data.size() == without_pages) {
    // The page is not there, or it is and its subpage is not.
    const bool page_exists = command.page == all_pages ||
                             std::any_of(std::begin(pages), std::end(pages), [&](const Page& page) {
                               return page.code == command.page;
                             });
    return page_exists ? invalid_field_in_cdb(3) : invalid_field_in_cdb(2, 5);
  }

  if (command.ten)
    data.set_be16(0, static_cast<std::uint16_t>(data.size() - 2));
  else
    data.set(0, static_cast<std::uint8_t>(data.size() - 1));
  return data;
}

namespace {

/// A MODE SELECT parameter list, read from front to back.
class SelectedPages {
 public:
  SelectedPages(const ModeSelect& command, std::span<const std::uint8_t> list,
                const ModeParameters& unit)
      : header_bytes_(command.ten ? 8 : 4), list_(list), unit_(unit), values_(unit.current) {}

  std::variant<ModeValues, Sense> read() {
    if (list_.empty()) return values_;
    if (list_.size() < header_bytes_) return too_short();
    if (const std::optional<Sense> wrong = check_header()) return *wrong;
    while (at_ < list_.size())
      if (const std::optional<Sense> wrong = read_page()) return *wrong;
    return values_;
  }

 private:
  static Sense too_short() {
    return illegal_request(additional_sense::parameter_list_length_error);
  }
  static Sense wrong_at(std::size_t byte, std::optional<std::uint8_t> bit = {}) {
    return invalid_field_in_parameter_list(static_cast<std::uint16_t>(byte), bit);
  }

  /// MODE DATA LENGTH is reserved, and the device-specific parameter passed over; the block
  /// descriptor says what the medium is, and it stays so.
  std::optional<Sense> check_header() {
    const bool ten = header_bytes_ == 8;
    for (std::size_t byte = 0; byte < (ten ? 3u : 2u); ++byte)
      if (list_[byte] != 0) return wrong_at(byte);
    const bool long_lba = ten && (list_[4] & 0x01) != 0;
    if (ten && (list_[4] & 0xfe) != 0) return wrong_at(4, 7);
    if (ten && list_[5] != 0) return wrong_at(5);
    const std::size_t length_at = ten ? 6 : 3;
    const std::size_t bytes = ten ? list_[6] << 8 | list_[7] : list_[3];
    const std::size_t one = long_lba ? 16 : 8;
    if (bytes != 0 && bytes != one) return wrong_at(length_at);
    at_ = header_bytes_ + bytes;
    if (list_.size() < at_) return too_short();
    return bytes == 0 ? std::nullopt : check_descriptor(long_lba);
  }

  std::optional<Sense> check_descriptor(bool long_lba) const {
    std::uint64_t blocks = 0;
    const std::size_t number_bytes = long_lba ? 8 : 4;
    for (std::size_t i = 0; i < number_bytes; ++i) blocks = blocks << 8 | list_[header_bytes_ + i];
    const std::uint64_t all = long_lba ? ~std::uint64_t{0} : 0xffff'ffff;
    const bool same = blocks == std::min(unit_.geometry.blocks, all);
    if (blocks != 0 && blocks != all && !same) return wrong_at(header_bytes_);
    const std::size_t length_at = header_bytes_ + (long_lba ? 12 : 5);
    std::uint32_t block_bytes = 0;
    for (std::size_t i = length_at; i < at_; ++i) block_bytes = block_bytes << 8 | list_[i];
    if (block_bytes != unit_.geometry.block_bytes) return wrong_at(length_at);
    return std::nullopt;
  }

  std::optional<Sense> read_page() {
    const std::size_t start = at_;
    const bool subpage_format = (list_[start] & 0x40) != 0;
    const std::size_t page_header = subpage_format ? 4 : 2;
    if (list_.size() - start < page_header) return too_short();
    if ((list_[start] & 0x80) != 0) return wrong_at(start, 7);  // PS
    const std::uint8_t code = list_[start] & 0x3f;
    const std::uint8_t subpage = subpage_format ? list_[start + 1] : 0;
    const auto* page = std::find_if(std::begin(pages), std::end(pages), [&](const Page& known) {
      return known.code == code && known.subpage == subpage && known.is_there(unit_);
    });
    if (page == std::end(pages) || (subpage_format && subpage == 0)) return wrong_at(start, 5);
    const std::size_t bytes =
        subpage_format ? list_[start + 2] << 8 | list_[start + 3] : list_[start + 1];
    if (bytes != page->parameter_bytes)
      return wrong_at(start + page_header - (subpage_format ? 2 : 1));
    if (list_.size() - start < page_header + bytes) return too_short();
    at_ = start + page_header + bytes;
    return take_page(*page, start + page_header);
  }

  std::optional<Sense> take_page(const Page& page, std::size_t start) {
    ParameterData now, changeable;
    page.put(now, unit_, values_);
    put_changeable(changeable, page);
    for (std::size_t i = 0; i < page.parameter_bytes; ++i) {
      const unsigned wrong = (list_[start + i] ^ now.bytes()[i]) & ~unsigned{changeable.bytes()[i]};
      if (wrong == 0) continue;
      std::uint8_t bit = 7;
      while ((wrong >> bit) == 0) --bit;
      return wrong_at(start + i, bit);
    }
    if (!page.changeable) return std::nullopt;
    values_.descriptor_sense = (list_[start + d_sense_byte] & d_sense) != 0;
    values_.software_write_protect = (list_[start + swp_byte] & swp) != 0;
    return std::nullopt;
  }

  const std::size_t header_bytes_;
  const std::span<const std::uint8_t> list_;
  const ModeParameters& unit_;
  ModeValues values_;
  std::size_t at_ = 0;
};

}  // namespace

std::variant<ModeValues, Sense> mode_select(const ModeSelect& command,
                                            std::span<const std::uint8_t> list,
                                            const ModeParameters& unit) {
  if (!command.page_format) return invalid_field_in_cdb(1, 4);
  if (command.save && !unit.saved) return invalid_field_in_cdb(1, 0);
  return SelectedPages(command, list, unit).read();
}

}  // namespace holdfast::scsi
