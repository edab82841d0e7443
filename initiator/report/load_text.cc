#include "initiator/report/load_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

template <typename... Arguments>
void line(std::string& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  text += '\n';
}

std::string per_second_text(std::uint64_t operations, Duration time) {
  const double rate = time.count() > 0 ? static_cast<double>(operations) / seconds_of(time) : 0;
  return fmt::format("{} IOPS", with_commas(static_cast<std::uint64_t>(std::llround(rate))));
}

std::string direction_text(const LoadFigures::Direction& direction, Duration time) {
  return fmt::format("{}, {}, {}, {}", count_text(direction.operations, "operation", "operations"),
                     bytes_text(direction.bytes), per_second_text(direction.operations, time),
                     rate_text(direction.bytes, time));
}

void describe_open_loop(std::string& text, const LoadFigures& load) {
  line(text, "  open loop    {:.6g} operations a second asked, {:.6g} reached", load.rate_asked, load.rate());
  if (load.waiting_most == 0) return;
  line(text, "               at most {} had to wait for a place in the queue, one of them {}{}",
       with_commas(load.waiting_most), duration_text(load.waited_longest),
       load.never_sent == 0
           ? ""
           : fmt::format("; {} {} never sent", with_commas(load.never_sent), load.never_sent == 1 ? "was" : "were"));
}

void describe_verification(std::string& text, const RunRecord& record) {
  const LoadFigures& load = *record.load;
  std::string facts;
  if (load.checked_blocks > 0)
    facts += fmt::format("{} judged while it ran", count_text(load.checked_blocks, "block", "blocks"));
  if (load.unlabelled_blocks > 0)
    facts += fmt::format(", {} of them never written by a load", with_commas(load.unlabelled_blocks));
  if (load.read_back_blocks > 0)
    facts += fmt::format("{}{} read back in a new session in {}", facts.empty() ? "" : "; ",
                         count_text(load.read_back_blocks, "block", "blocks"),
                         duration_text(record.totals.verify_time));
  if (facts.empty()) facts = "nothing";
  line(text, "  verified     {}: {}", facts,
       record.workload.mismatches == 0 ? "nothing differs"
                                       : count_text(record.workload.mismatches, "difference", "differences"));
  if (load.writes.operations > 0 && !load.read_back)
    line(text, "               what was written was NOT read back{}",
         load.read_back_blocks > 0 ? " to the end" : "");
  if (load.lenient)
    line(text, "               the connection broke, and this device may lose what it acknowledged and was not");
  if (load.lenient)
    line(text, "               told to flush: older states count as right, other places and bad checksums do not");
}

}  // namespace

std::string load_lines(const RunRecord& record) {
  const LoadFigures& load = *record.load;
  std::string text;
  line(text, "  load         {}{}, blocks of {}, {} of depth {}, {}{}, seed {}", load.access,
       load.access == "randrw" ? fmt::format(" ({} % reads)", load.read_percent) : "", bytes_text(load.block_bytes),
       count_text(load.sessions, "session", "sessions"), load.depth,
       load.range_bytes == record.destination.bytes ? "all of it" : "the first " + bytes_text(load.range_bytes),
       load.shortened ? " (--verify keeps track of no more)" : "", load.seed);
  const bool both = load.reads.operations > 0 && load.writes.operations > 0;
  line(text, "  done         {} in {}", direction_text({load.operations(), load.bytes(), {}, {}}, load.time),
       duration_text(load.time));
  if (both) line(text, "    reads      {}", direction_text(load.reads, load.time));
  if (both) line(text, "    writes     {}", direction_text(load.writes, load.time));
  if (load.rate_asked > 0) describe_open_loop(text, load);
  if (record.workload.verify) describe_verification(text, record);
  return text;
}

std::string load_done(const RunRecord& record) {
  const LoadFigures& load = *record.load;
  return fmt::format("{}, {} in {} ({}, {})", count_text(load.operations(), "operation", "operations"),
                     bytes_text(load.bytes()), duration_text(load.time),
                     per_second_text(load.operations(), load.time), rate_text(load.bytes(), load.time));
}

std::vector<LatencyRow> load_latencies(const LoadFigures& load) {
  return {{"read", &load.reads.latency},
          {"write", &load.writes.latency},
          {"read, sent", &load.reads.service},
          {"write, sent", &load.writes.service}};
}

}  // namespace holdfast::initiator
