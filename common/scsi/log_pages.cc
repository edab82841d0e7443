#include "common/scsi/log_pages.h"

#include <algorithm>
#include <iterator>

namespace holdfast::scsi {
namespace {

/// A parameter that counts, in eight bytes; binary format list.
void put_counter(ParameterData& data, std::uint16_t code, std::uint64_t value) {
  data.put_be16(code);
  data.put({0x03, 8});
  data.put_be64(value);
}

/// SPC-4 7.3.5: total errors corrected, total bytes processed, total uncorrected errors.
void put_errors(ParameterData& data, std::uint64_t bytes, std::uint64_t errors) {
  put_counter(data, 0x0003, 0);
  put_counter(data, 0x0005, bytes);
  put_counter(data, 0x0006, errors);
}

void supported_pages(ParameterData& data, const LogCounters&);
void supported_subpages(ParameterData& data, const LogCounters&);

void write_errors(ParameterData& data, const LogCounters& counters) {
  put_errors(data, counters.written_blocks * counters.block_bytes, counters.write_errors);
}

void read_errors(ParameterData& data, const LogCounters& counters) {
  put_errors(data, counters.read_blocks * counters.block_bytes, counters.read_errors);
}

void verify_errors(ParameterData& data, const LogCounters& counters) {
  put_errors(data, 0, counters.verify_errors);
}

void non_medium_errors(ParameterData& data, const LogCounters&) {
  put_counter(data, 0x0000, 0);
}

void temperature(ParameterData& data, const LogCounters&) {  // SPC-4 7.3.21
  data.put_be16(0x0000);
  data.put({0x03, 2, 0, 0xff});  // FFh: a disk that is none has no temperature
}

void general_statistics(ParameterData& data, const LogCounters& counters) {  // SPC-4 7.3.9
  data.put_be16(0x0001);
  data.put({0x03, 0x40});
  data.put_be64(counters.reads);
  data.put_be64(counters.writes);
  data.put_be64(counters.written_blocks);
  data.put_be64(counters.read_blocks);
  data.put_zeros(32);  // no times are kept
}

void informational_exceptions(ParameterData& data, const LogCounters&) {  // SPC-4 7.3.11
  data.put_be16(0x0000);
  data.put({0x03, 4, 0x00, 0x00, 0xff, 0x00});  // nothing is predicted
}

struct Page {
  std::uint8_t code;
  std::uint8_t subpage;
  void (*put)(ParameterData&, const LogCounters&);
};

constexpr Page pages[] = {
    {0x00, 0x00, supported_pages},
    {0x00, 0xff, supported_subpages},
    {0x02, 0x00, write_errors},
    {0x03, 0x00, read_errors},
    {0x05, 0x00, verify_errors},
    {0x06, 0x00, non_medium_errors},
    {0x0d, 0x00, temperature},
    {0x19, 0x00, general_statistics},
    {0x2f, 0x00, informational_exceptions},
};

void supported_pages(ParameterData& data, const LogCounters&) {
  for (const Page& page : pages)
    if (page.subpage == 0) data.put(page.code);
}

void supported_subpages(ParameterData& data, const LogCounters&) {
  for (const Page& page : pages) data.put({page.code, page.subpage});
}

}  // namespace

std::variant<ParameterData, Sense> log_sense(const LogSense& command, const LogCounters& counters) {
  if (command.save) return invalid_field_in_cdb(1, 0);
  const auto* page = std::find_if(std::begin(pages), std::end(pages), [&](const Page& known) {
    return known.code == command.page && known.subpage == command.subpage;
  });
  if (page == std::end(pages)) {
    const bool has_page = std::any_of(std::begin(pages), std::end(pages), [&](const Page& known) {
      return known.code == command.page;
    });
    return has_page ? invalid_field_in_cdb(3) : invalid_field_in_cdb(2, 5);
  }
  if (command.parameter_pointer > 0x0006) return invalid_field_in_cdb(5);
  ParameterData data;
  data.put({static_cast<std::uint8_t>(command.page | (command.subpage != 0 ? 0x40 : 0)),
            command.subpage, 0, 0});
  page->put(data, counters);
  data.set_be16(2, static_cast<std::uint16_t>(data.size() - 4));
  return data;
}

std::variant<std::monostate, Sense> check_log_select(const LogSelect& command) {
  if (command.save) return invalid_field_in_cdb(1, 0);
  if (command.parameter_bytes != 0) return invalid_field_in_cdb(7);
  const bool known = command.page == 0 && command.subpage == 0;
  const bool counts = std::any_of(std::begin(pages), std::end(pages), [&](const Page& page) {
    return page.code == command.page && page.subpage == command.subpage;
  });
  if (!known && !counts) return invalid_field_in_cdb(2, 5);
  return {};
}

}  // namespace holdfast::scsi
