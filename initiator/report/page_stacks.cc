#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "initiator/report/format.h"
#include "initiator/report/html_text.h"
#include "initiator/report/page_sections.h"
#include "initiator/report/stacks.h"

namespace holdfast::initiator {
namespace {

std::vector<StackVerdict> verdicts_of(const Page::Destination& destination) {
  std::vector<const RunRecord*> runs;
  for (const Page::Run& run : destination.runs) runs.push_back(run.record);
  return stacks_of(runs);
}

const char* tone_of(StackOutcome outcome) {
  switch (outcome) {
    case StackOutcome::acted: return "hung";
    case StackOutcome::is_unsafe:
    case StackOutcome::thin: return "stalled";
    case StackOutcome::never: return "neutral";
    default: return "steady";
  }
}

std::string verdict_cell(const StackVerdict& verdict) {
  return fmt::format("<td>{}<span class=\"sub\">{}; {}</span></td>", chip(tone_of(verdict.outcome), outcome_words(verdict)),
                     verdict.margin ? "margin " + margin_words(verdict) : "no wait",
                     html_text("worst " + duration_text(verdict.worst)));
}

}  // namespace

std::string stacks_section(const Page& page) {
  std::vector<std::size_t> places;
  std::vector<std::vector<StackVerdict>> verdicts;
  for (std::size_t place = 0; place < page.destinations.size(); ++place) {
    verdicts.push_back(verdicts_of(page.destinations[place]));
    if (!verdicts.back().empty()) places.push_back(place);
  }
  if (places.empty()) return "";
  std::string html =
      "<section id=\"stacks\"><h2>What could stand on top</h2>\n<p class=\"soft\">Timers in the order in which they act, "
      "against the worst that was seen: it acts where nothing came for so long. <i>Unproven</i> is what a longer run "
      "may still show. It is what one end saw: whether other nodes stalled at the same time is not known.</p>\n"
      "<div class=\"scroll\"><table><thead><tr><th>Timer</th><th class=\"number\">Acts after</th>";
  for (const std::size_t place : places)
    html += "<th>" + (page.comparison ? swatch(place) + html_name(page.destinations[place].label) : std::string("Outcome")) + "</th>";
  html += "</tr></thead><tbody>\n";
  for (const StackTimer& timer : stack_timers()) {
    std::string cells;
    for (const std::size_t place : places) {
      const auto found = std::find_if(verdicts[place].begin(), verdicts[place].end(),
                                      [&timer](const StackVerdict& one) { return one.timer == &timer; });
      cells += found == verdicts[place].end() ? "<td class=\"soft\">–</td>" : verdict_cell(*found);
    }
    if (cells.find("class=\"sub\"") == std::string::npos) continue;
    StackVerdict named;
    named.timer = &timer;
    html += fmt::format("<tr><td class=\"name\">{}<small>{}</small></td><td class=\"number\">{}</td>{}</tr>\n",
                        html_text(timer.stack), html_text(action_words(named)),
                        timer.limit == Duration(0) ? "never" : html_text(duration_text(timer.limit)), cells);
  }
  return html + "</tbody></table></div>\n</section>\n";
}

}  // namespace holdfast::initiator
