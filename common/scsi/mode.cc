#include "common/scsi/mode.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace holdfast::scsi {
namespace {

constexpr std::uint8_t all_pages = 0x3f;
constexpr std::uint8_t all_subpages = 0xff;

struct Page {
  std::uint8_t code;
  std::uint8_t subpage;
  std::uint8_t parameter_bytes;  // after PAGE LENGTH
  void (*put)(ParameterData&, const ModeParameters&);
};

void caching(ParameterData& data, const ModeParameters& unit) {  // SBC-3 6.5.5
  data.put(static_cast<std::uint8_t>(unit.write_cache_enabled ? 0x04 : 0x00));
  data.put_zeros(17);
}

void control(ParameterData& data, const ModeParameters&) {  // SPC-4 7.5.9
  data.put({
      0x20,  // TST 001b: a task set for each I_T nexus. D_SENSE 0: fixed format
      0x10,  // QUEUE ALGORITHM MODIFIER 1h: simple commands run in any order. QERR 00b
      0x00,  // UA_INTLCK_CTRL 00b, SWP 0
      0x00,  // TAS 0: commands that another nexus aborts end without a status
  });
  data.put_zeros(6);
}

void control_extension(ParameterData& data, const ModeParameters&) {  // SPC-4 7.5.10
  data.put_zeros(28);
}

void informational_exceptions(ParameterData& data, const ModeParameters&) {  // SPC-4 7.5.11
  data.put(std::uint8_t{0x08});  // DEXCPT: we predict no failures
  data.put_zeros(9);
}

// In the order of page codes, as MODE SENSE returns them.
constexpr Page pages[] = {
    {0x08, 0x00, 18, caching},
    {0x0a, 0x00, 10, control},
    {0x0a, 0x01, 28, control_extension},
    {0x1c, 0x00, 10, informational_exceptions},
};

bool is_asked_for(const Page& page, const ModeSense& command) {
  const bool code = command.page == all_pages || command.page == page.code;
  return code && (command.subpage == all_subpages || command.subpage == page.subpage);
}

/// A page as current or default values, which are the same, or as the mask of what can be changed.
void put_page(ParameterData& data, const Page& page, PageControl control,
              const ModeParameters& unit) {
  if (page.subpage == 0) {  // PAGE_0 format
    data.put({page.code, page.parameter_bytes});
  } else {  // SUB_PAGE format
    data.put({static_cast<std::uint8_t>(page.code | 0x40), page.subpage, 0, page.parameter_bytes});
  }
  if (control == PageControl::changeable)
    data.put_zeros(page.parameter_bytes);
  else
    page.put(data, unit);
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
  if (command.control == PageControl::saved)
    return illegal_request(additional_sense::saving_parameters_not_supported, FieldPointer{2, 7});

  std::uint8_t descriptor_bytes = 0;
  if (!command.disable_block_descriptors) descriptor_bytes = command.long_lba_accepted ? 16 : 8;
  ParameterData data;
  put_header(data, command, unit, descriptor_bytes);
  if (descriptor_bytes != 0) put_block_descriptor(data, unit.geometry, command.long_lba_accepted);

  const std::size_t without_pages = data.size();
  for (const Page& page : pages)
    if (is_asked_for(page, command)) put_page(data, page, command.control, unit);
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

}  // namespace holdfast::scsi
