#include <fmt/format.h>

#include <iterator>

#include "initiator/report/format.h"
#include "initiator/report/html_text.h"
#include "initiator/report/target_join.h"

namespace holdfast::initiator {
namespace {

template <typename... Arguments>
void line(std::string& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  text += '\n';
}

std::string sentences(const JoinedEvent& event) {
  std::string text;
  for (const std::string& one : event.because) text += (text.empty() ? "" : "; ") + one;
  return text;
}

const char* who(const JoinedStep& step) { return step.at_target ? "target" : "initiator"; }

}  // namespace

std::string to_text(const TargetJoin& join, const RunView& run) {
  std::string text;
  line(text, "the target's view: {}; {}", join.target, join.clock_words);
  if (join.events.empty()) line(text, "    there is no stall, hang or outage to be explained");
  for (const JoinedEvent& joined : join.events) {
    const PathEvent& event = run.events[joined.event];
    line(text, "    {:>9.3f} s  {} of {}: {} (the initiator alone said {})", seconds_of(event.at), to_string(event.kind),
         duration_text(event.lasted), joined.blame, printable_text(event.blame));
    if (!joined.because.empty()) line(text, "                 {}", printable_text(sentences(joined)));
    for (const JoinedOperation& operation : joined.operations) {
      line(text, "                 {}{}", operation.words,
           operation.known_to_target ? "" : ": the target does not tell of it");
      for (const JoinedStep& step : operation.steps)
        line(text, "                   {:>9.3f} s  {:<9}  {}", seconds_of(step.at), who(step), step.what);
    }
  }
  return text;
}

std::string target_section(const TargetJoin& join, const RunView& run) {
  std::string html = fmt::format(
      "<section id=\"target\"><h2>What the target saw</h2>\n<p class=\"soft\">{}; {}.</p>\n", html_text(join.target),
      html_text(join.clock_words));
  for (const JoinedEvent& joined : join.events) {
    const PathEvent& event = run.events[joined.event];
    html += fmt::format("<h3>{} of {} at {}: {}</h3>\n<p>{}</p>\n", to_string(event.kind), html_time(event.lasted),
                        html_time(event.at), html_text(joined.blame), html_text(sentences(joined)));
    for (const JoinedOperation& operation : joined.operations) {
      html += fmt::format(
          "<div class=\"scroll\"><table><caption>{}{}</caption><thead><tr><th class=\"number\">Second</th><th>Seen "
          "by</th><th>What</th></tr></thead><tbody>\n",
          html_text(operation.words), operation.known_to_target ? "" : ": the target does not tell of it");
      for (const JoinedStep& step : operation.steps)
        html += fmt::format("<tr><td class=\"number\">{:.6f}</td><td>{}</td><td>{}</td></tr>\n", seconds_of(step.at),
                            who(step), html_text(step.what));
      html += "</tbody></table></div>\n";
    }
  }
  if (join.events.empty()) html += "<p>There is no stall, hang or outage to be explained.</p>\n";
  return html + "</section>\n";
}

}  // namespace holdfast::initiator
