#include "initiator/fault/step_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "common/base/duration.h"
#include "common/base/size.h"

namespace holdfast::initiator {

const char* const fault_grammar =
    "A step is one line: WHEN ACTION. Time runs from the first connection, or from when the step was given\n"
    "if that is later; sizes and counts run from when it was given. A # begins a comment.\n"
    "\n"
    "WHEN\n"
    "  now                      at once\n"
    "  after 5s                 a time: 500ms, 5s, 2m, 1h\n"
    "  after 200MB [in|out]     when so many more bytes have passed: 512B, 64kB, 200MB, 1GB\n"
    "  at 3rd r2t               just before the 3rd message of that kind passes\n"
    "  every 10th data-in       and at each 10th one\n"
    "  at 2nd connection        when it comes\n"
    "\n"
    "ACTION                     `out` is towards the server, `in` from it, both if neither is said;\n"
    "                           `for TIME` ends it by itself\n"
    "  delay TIME [jitter TIME] [in|out] [for TIME]\n"
    "  throttle 100kB/s [in|out] [for TIME]\n"
    "  stop [hold|swallow] [in|out] [for TIME]\n"
    "                           hold: bytes wait, and in the end their sender; swallow: whole messages,\n"
    "                           or bytes that we do not understand, are taken and thrown away\n"
    "  resume [in|out]          ends what lasts\n"
    "  cut [rst|fin]            that message's connection, or every one (rst)\n"
    "  close in|out             half-close: that way's receiver is told that nothing follows\n"
    "  silent [for TIME]        new connections are accepted, and nothing is said to them\n"
    "  refuse [for TIME]        new connections are reset\n"
    "  drop [KIND] [in|out] [for TIME]\n"
    "                           that message, or the next one of its kind; with `for` all of them\n"
    "  corrupt PART [KIND] [in|out]\n"
    "                           flips a bit: of header, data, header-digest or data-digest\n"
    "  reorder [KIND] [by N] [in|out]\n"
    "                           that message goes after the next N (1), or a second later\n"
    "  hold-statsn [for TIME]   answers that take a StatSN wait; R2Ts and data go on (iSCSI)\n"
    "  lose 5% [in|out] [for TIME]\n"
    "                           of the datagrams (--udp)\n"
    "\n"
    "KIND  message (any), request, reply, read, write; of iSCSI: nop-out, scsi-command, data-out,\n"
    "      task-management-request, login-request, text-request, logout-request, snack-request, nop-in,\n"
    "      scsi-response, data-in, r2t, task-management-response, login-response, text-response,\n"
    "      logout-response, async-message, reject; datagram";

namespace {

enum Detail : unsigned { way = 1, lasts = 2, jitter = 4, message = 8, places = 16, stop_manner = 32, cut_manner = 64 };

/// What must follow the action's word.
enum class Leading { nothing, time, rate, part, one_way, percent };

struct ActionRow {
  FaultAction action;
  std::string_view word;
  Leading leading;
  unsigned details;
};

constexpr std::array actions = std::to_array<ActionRow>({
    {FaultAction::delay, "delay", Leading::time, way | lasts | jitter},
    {FaultAction::throttle, "throttle", Leading::rate, way | lasts},
    {FaultAction::stop, "stop", Leading::nothing, way | lasts | stop_manner},
    {FaultAction::resume, "resume", Leading::nothing, way},
    {FaultAction::cut, "cut", Leading::nothing, cut_manner},
    {FaultAction::close, "close", Leading::one_way, 0},
    {FaultAction::silent, "silent", Leading::nothing, lasts},
    {FaultAction::refuse, "refuse", Leading::nothing, lasts},
    {FaultAction::drop, "drop", Leading::nothing, way | lasts | message},
    {FaultAction::corrupt, "corrupt", Leading::part, way | message},
    {FaultAction::reorder, "reorder", Leading::nothing, way | message | places},
    {FaultAction::hold_statsn, "hold-statsn", Leading::nothing, lasts},
    {FaultAction::lose, "lose", Leading::percent, way | lasts},
});

constexpr std::array<std::string_view, 4> parts = {"header", "data", "header-digest", "data-digest"};

std::string action_words() {
  std::string all;
  for (const ActionRow& row : actions) all += (all.empty() ? "" : ", ") + std::string(row.word);
  return all;
}

std::string detail_words(unsigned details) {
  constexpr std::array<std::pair<unsigned, std::string_view>, 7> words = {{{way, "in, out or both"},
                                                                           {stop_manner, "hold or swallow"},
                                                                           {cut_manner, "rst or fin"},
                                                                           {jitter, "jitter TIME"},
                                                                           {message, "a KIND of message"},
                                                                           {places, "by N"},
                                                                           {lasts, "for TIME"}}};
  std::string all;
  for (const auto& [bit, text] : words)
    if ((details & bit) != 0) all += (all.empty() ? "" : "; ") + std::string(text);
  return all.empty() ? "the end of the step" : all;
}

Error wrong(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

std::vector<std::string_view> split(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  text = text.substr(0, text.find('#'));
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(blanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(blanks, end);
  }
  return words;
}

/// "200MB" as the bytes that it is; a size ends with B, so that 2m is minutes and nothing else.
Result<std::uint64_t> parse_byte_size(std::string_view text) {
  if (text.size() < 2 || text.back() != 'B')
    return wrong(fmt::format("'{}' is no size: write it as 512B, 64kB, 200MB or 1GB", text));
  return parse_size(text.substr(0, text.size() - 1));
}

class StepReader {
 public:
  explicit StepReader(std::string_view text) : words_(split(text)) {
    step_.text = std::string(text.substr(0, text.find('#')));
    const std::size_t end = step_.text.find_last_not_of(" \t\r");
    step_.text.resize(end == std::string::npos ? 0 : end + 1);
    step_.text.erase(0, std::min(step_.text.find_first_not_of(" \t"), step_.text.size()));
  }

  bool empty() const { return words_.empty(); }

  Result<FaultStep> read() {
    if (Status moment = read_moment(); !moment) return moment.error();
    if (Status action = read_action(); !action) return action.error();
    return step_;
  }

 private:
  bool more() const { return at_ < words_.size(); }
  std::string_view word() const { return words_[at_]; }
  bool takes(std::string_view expected) {
    if (!more() || word() != expected) return false;
    ++at_;
    return true;
  }
  Error here(std::string_view why) const { return wrong(fmt::format("word {}: {}", at_ + 1, why)); }
  Error missing(std::string_view what) const {
    return here(more() ? fmt::format("'{}' is not {}", word(), what) : fmt::format("{} is missing", what));
  }

  Status read_time(Duration& into) {
    if (!more()) return missing("a time as in 500ms or 5s");
    const Result<Duration> time = parse_duration(word());
    if (!time) return here(time.error().message);
    into = *time;
    ++at_;
    return {};
  }

  /// "3rd", or just "3".
  Status read_ordinal(std::uint64_t& into) {
    constexpr std::uint64_t most = 1'000'000'000;
    if (!more()) return missing("a count as in 1st, 2nd, 3rd or 10th");
    const auto [stop, error] = std::from_chars(word().data(), word().data() + word().size(), into);
    const std::string_view ending(stop, static_cast<std::size_t>(word().data() + word().size() - stop));
    const bool fits = ending.empty() || ending == "st" || ending == "nd" || ending == "rd" || ending == "th";
    if (error != std::errc() || into == 0 || into > most || !fits) return missing("a count as in 1st, 2nd, 3rd or 10th");
    ++at_;
    return {};
  }

  Status read_moment() {
    if (takes("now")) return {};
    if (takes("after")) return read_after();
    if (takes("every")) {
      step_.when.kind = StepMoment::Kind::every_message;
    } else if (takes("at")) {
      step_.when.kind = StepMoment::Kind::at_message;
    } else {
      return here(fmt::format("'{}' is no moment; allowed are: now, after TIME, after SIZE, at Nth KIND, every Nth "
                              "KIND, at Nth connection", word()));
    }
    if (Status count = read_ordinal(step_.when.nth); !count) return count;
    if (step_.when.kind == StepMoment::Kind::at_message && takes("connection")) {
      step_.when.kind = StepMoment::Kind::at_connection;
      return {};
    }
    const std::optional<MessageKind> kind = more() ? message_kind(word()) : std::nullopt;
    if (!kind) return missing("a KIND of message; allowed are: " + message_kind_names() + ", and connection after at");
    step_.when.message = *kind;
    ++at_;
    return {};
  }

  Status read_after() {
    if (!more()) return missing("a time as in 5s, or a size as in 200MB,");
    if (word().back() != 'B') {
      step_.when.kind = StepMoment::Kind::after_time;
      return read_time(step_.when.time);
    }
    const Result<std::uint64_t> bytes = parse_byte_size(word());
    if (!bytes) return here(bytes.error().message);
    step_.when.kind = StepMoment::Kind::after_bytes;
    step_.when.bytes = *bytes;
    ++at_;
    if (takes("in")) step_.when.counted = Way::in;
    else if (takes("out")) step_.when.counted = Way::out;
    return {};
  }

  Status read_action() {
    const auto* row = actions.end();
    if (more()) row = std::find_if(actions.begin(), actions.end(), [this](const ActionRow& one) { return one.word == word(); });
    if (row == actions.end()) return missing("an action; allowed are: " + action_words());
    step_.action = row->action;
    ++at_;
    if (Status leading = read_leading(row->leading); !leading) return leading;
    while (more())
      if (Status detail = read_detail(*row); !detail) return detail;
    return {};
  }

  Status read_leading(Leading leading) {
    switch (leading) {
      case Leading::nothing: return {};
      case Leading::time: return read_time(step_.delay);
      case Leading::rate: return read_rate();
      case Leading::percent: return read_percent();
      case Leading::part: {
        const auto* found = more() ? std::find(parts.begin(), parts.end(), word()) : parts.end();
        if (found == parts.end()) return missing("a part; allowed are: header, data, header-digest, data-digest");
        step_.part = static_cast<MessagePart>(found - parts.begin());
        ++at_;
        return {};
      }
      case Leading::one_way:
        if (takes("in")) step_.way = Way::in;
        else if (takes("out")) step_.way = Way::out;
        else return missing("a direction; allowed are: in, out");
        return {};
    }
    return {};
  }

  Status read_rate() {
    constexpr std::string_view ending = "/s";
    if (!more() || !word().ends_with(ending)) return missing("a rate as in 100kB/s");
    const Result<std::uint64_t> bytes = parse_byte_size(word().substr(0, word().size() - ending.size()));
    if (!bytes) return missing("a rate as in 100kB/s");
    step_.bytes_per_second = *bytes;
    ++at_;
    return {};
  }

  Status read_percent() {
    double percent = 0;
    const bool written = more() && word().back() == '%' &&
                         std::from_chars(word().data(), word().data() + word().size() - 1, percent).ptr ==
                             word().data() + word().size() - 1;
    if (!written || !(percent > 0 && percent <= 100)) return missing("a share as in 5% or 0.1%");
    step_.percent = percent;
    ++at_;
    return {};
  }

  Status read_detail(const ActionRow& row) {
    const auto allows = [&row](Detail detail) { return (row.details & detail) != 0; };
    if (allows(way) && takes("in")) return step_.way = Way::in, Status();
    if (allows(way) && takes("out")) return step_.way = Way::out, Status();
    if (allows(way) && takes("both")) return step_.way = std::nullopt, Status();
    if (allows(stop_manner) && takes("hold")) return step_.stop = StopManner::hold, Status();
    if (allows(stop_manner) && takes("swallow")) return step_.stop = StopManner::swallow, Status();
    if (allows(cut_manner) && takes("rst")) return step_.cut = CutManner::rst, Status();
    if (allows(cut_manner) && takes("fin")) return step_.cut = CutManner::fin, Status();
    if (allows(lasts) && takes("for")) return read_time(step_.lasts.emplace());
    if (allows(jitter) && takes("jitter")) return read_time(step_.jitter);
    if (allows(places) && takes("by")) return read_places();
    if (const auto kind = message_kind(word()); allows(message) && kind) {
      step_.message = kind;
      ++at_;
      return {};
    }
    return here(fmt::format("'{}' cannot stand here; allowed are: {}", word(), detail_words(row.details)));
  }

  Status read_places() {
    constexpr std::uint64_t most = 1000;
    std::uint64_t count = 0;
    if (Status read = read_ordinal(count); !read) return read;
    if (count > most) return wrong(fmt::format("word {}: {} is more than {}", at_, count, most));
    step_.places = static_cast<std::uint32_t>(count);
    return {};
  }

  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
  FaultStep step_;
};

}  // namespace

Result<FaultStep> parse_fault_step(std::string_view text) {
  StepReader reader(text);
  if (reader.empty()) return wrong("the step is empty");
  return reader.read();
}

Result<std::vector<FaultStep>> parse_fault_script(std::string_view text, std::string_view name) {
  constexpr std::size_t steps_most = 1000;
  std::vector<FaultStep> steps;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    StepReader reader(line);
    if (reader.empty()) continue;
    Result<FaultStep> step = reader.read();
    if (!step) return wrong(fmt::format("{}:{}: {}", name, number, step.error().message));
    if (steps.size() == steps_most) return wrong(fmt::format("{}:{}: a script has at most {} steps", name, number, steps_most));
    steps.push_back(std::move(step).value());
  }
  return steps;
}

Status fits_transport(const FaultStep& step, bool datagrams) {
  constexpr std::array of_connections = {FaultAction::cut, FaultAction::close, FaultAction::silent, FaultAction::refuse,
                                         FaultAction::hold_statsn};
  const bool wants_connections =
      std::find(of_connections.begin(), of_connections.end(), step.action) != of_connections.end() ||
      step.when.kind == StepMoment::Kind::at_connection;
  if (datagrams && wants_connections)
    return wrong(fmt::format("'{}' is for connections, and --udp has none", step.text));
  if (!datagrams && step.action == FaultAction::lose)
    return wrong(fmt::format("'{}' is for datagrams (--udp); TCP would send what is lost again: use stop, drop or delay",
                             step.text));
  return {};
}

}  // namespace holdfast::initiator
