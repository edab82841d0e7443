#include "common/scsi/log_pages.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace holdfast::scsi {
namespace {

constexpr std::size_t page_header_bytes = 4;

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

void supported_pages(ParameterData& data, const LogData& unit);
void supported_subpages(ParameterData& data, const LogData& unit);

void write_errors(ParameterData& data, const LogData& unit) {
  const LogCounters& counters = unit.counters;
  put_errors(data, counters.written_blocks * counters.block_bytes, counters.write_errors);
}

void read_errors(ParameterData& data, const LogData& unit) {
  const LogCounters& counters = unit.counters;
  put_errors(data, counters.read_blocks * counters.block_bytes, counters.read_errors);
}

void verify_errors(ParameterData& data, const LogData& unit) {
  put_errors(data, 0, unit.counters.verify_errors);
}

void non_medium_errors(ParameterData& data, const LogData&) {
  put_counter(data, 0x0000, 0);
}

/// SBC-3 6.4.5: one count of threshold sets.
void put_resource(ParameterData& data, std::uint16_t code, std::uint32_t sets,
                  std::uint8_t scope) {
  data.put_be16(code);
  data.put({0x03, 8});
  data.put_be32(sets);
  data.put({scope, 0, 0, 0});
}

void logical_block_provisioning(ParameterData& data, const LogData& unit) {
  constexpr std::uint8_t of_this_unit = 1, of_several_units = 2;  // on the same file system
  const ThinResources resources = unit.resources.value_or(ThinResources{});
  put_resource(data, 0x0001, resources.available_sets, of_several_units);
  put_resource(data, 0x0002, resources.used_sets, of_this_unit);
}

void temperature(ParameterData& data, const LogData&) {  // SPC-4 7.3.21
  data.put_be16(0x0000);
  data.put({0x03, 2, 0, 0xff});  // FFh: a disk that is none has no temperature
}

void general_statistics(ParameterData& data, const LogData& unit) {
  const LogCounters& counters = unit.counters;  // SPC-4 7.3.9
  data.put_be16(0x0001);
  data.put({0x03, 0x40});
  data.put_be64(counters.reads);
  data.put_be64(counters.writes);
  data.put_be64(counters.written_blocks);
  data.put_be64(counters.read_blocks);
  data.put_zeros(32);  // no times are kept
  data.put_be16(0x0002);
  data.put({0x03, 8});
  data.put_zeros(8);  // nor idle ones
  data.put_be16(0x0003);
  data.put({0x03, 8});
  data.put_be32(3);  // they would count in 10 to the -3 seconds, …
  data.put_be32(1);  // … one of them at a time
}

void informational_exceptions(ParameterData& data, const LogData&) {  // SPC-4 7.3.11
  data.put_be16(0x0000);
  data.put({0x03, 4, 0x00, 0x00, 0xff, 0x00});  // nothing is predicted
}

struct Page {
  std::uint8_t code;
  std::uint8_t subpage;
  void (*put)(ParameterData&, const LogData&);
  bool of_thin_units = false;

  bool is_there(bool thresholds) const { return thresholds || !of_thin_units; }
};

constexpr Page pages[] = {
    {0x00, 0x00, supported_pages},
    {0x00, 0xff, supported_subpages},
    {0x02, 0x00, write_errors},
    {0x03, 0x00, read_errors},
    {0x05, 0x00, verify_errors},
    {0x06, 0x00, non_medium_errors},
    {0x0c, 0x00, logical_block_provisioning, true},
    {0x0d, 0x00, temperature},
    {0x19, 0x00, general_statistics},
    {0x2f, 0x00, informational_exceptions},
};

/// SPC-4 6.8: a page begins with the first parameter whose code is `pointer` or greater; they follow
/// one another in the order of their codes.
std::span<const std::uint8_t> parameters_from(std::uint16_t pointer,
                                              std::span<const std::uint8_t> parameters) {
  constexpr std::size_t header_bytes = 4;
  while (!parameters.empty() && (parameters[0] << 8 | parameters[1]) < pointer)
    parameters = parameters.subspan(header_bytes + parameters[3]);
  return parameters;
}

void supported_pages(ParameterData& data, const LogData& unit) {
  for (const Page& page : pages)
    if (page.subpage == 0 && page.is_there(unit.resources.has_value())) data.put(page.code);
}

void supported_subpages(ParameterData& data, const LogData& unit) {
  for (const Page& page : pages)
    if (page.is_there(unit.resources.has_value())) data.put({page.code, page.subpage});
}

}  // namespace

std::variant<ParameterData, Sense> log_sense(const LogSense& command, const LogData& unit) {
  if (command.save) return invalid_field_in_cdb(1, 0);
  const auto* page = std::find_if(std::begin(pages), std::end(pages), [&](const Page& known) {
    return known.code == command.page && known.subpage == command.subpage &&
           known.is_there(unit.resources.has_value());
  });
  if (page == std::end(pages)) {
    const bool has_page = std::any_of(std::begin(pages), std::end(pages), [&](const Page& known) {
      return known.code == command.page && known.is_there(unit.resources.has_value());
    });
    return has_page ? invalid_field_in_cdb(3) : invalid_field_in_cdb(2, 5);
  }
  ParameterData all, data;
  page->put(all, unit);
  data.put({static_cast<std::uint8_t>(command.page | (command.subpage != 0 ? 0x40 : 0)),
            command.subpage, 0, 0});
  const bool has_parameters = command.page != 0;
  data.put(has_parameters ? parameters_from(command.parameter_pointer, all.bytes()) : all.bytes());
  const bool none_left = data.size() == page_header_bytes;
  if (none_left || (!has_parameters && command.parameter_pointer > 0)) return invalid_field_in_cdb(5);
  data.set_be16(2, static_cast<std::uint16_t>(data.size() - page_header_bytes));
  return data;
}

bool resets_counters(const LogSelect& command) {
  constexpr std::uint8_t cumulative_to_default = 0x3;
  return command.reset || command.control == cumulative_to_default;
}

std::variant<std::monostate, Sense> check_log_select(const LogSelect& command, bool thresholds) {
  if (command.save) return invalid_field_in_cdb(1, 0);
  if (command.parameter_bytes != 0) return invalid_field_in_cdb(7);
  const bool known = command.page == 0 && command.subpage == 0;
  const bool counts = std::any_of(std::begin(pages), std::end(pages), [&](const Page& page) {
    return page.code == command.page && page.subpage == command.subpage &&
           page.is_there(thresholds);
  });
  if (!known && !counts) return invalid_field_in_cdb(2, 5);
  return {};
}

}  // namespace holdfast::scsi
