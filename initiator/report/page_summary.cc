#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "initiator/report/html_text.h"
#include "initiator/report/page_sections.h"

namespace holdfast::initiator {
std::string verdict_section(const Page& page) {
  std::string html =
      "<header class=\"top\"><div class=\"brand\">holdfast <span>does the path hold "
      "still?</span></div>"
      "<button id=\"theme\" type=\"button\" hidden>Dark</button></header>\n<main>\n<div "
      "class=\"verdict\">";
  html += "<p class=\"what break\">" + html_name(page.what) + "</p>\n";
  if (!page.mark.empty()) html += "<p class=\"mark-word\">" + chip(page.tone, page.mark) + "</p>\n";
  html += page.comparison ? "<h1 class=\"sentence\">" : "<h1 class=\"is-" + page.tone + "\">";
  html += html_text(page.headline) + "</h1>\n";
  for (const std::string& words : page.words)
    html += "<p class=\"words break\">" + html_text(words) + "</p>\n";
  return html + "</div>\n";
}

std::string percentiles_section(const Page& page) {
  std::vector<std::string> kinds;
  for (std::size_t kind = 0; kind < operation_kinds; ++kind)
    for (const Page::Destination& destination : page.destinations) {
      const bool has = std::any_of(
          destination.runs.begin(), destination.runs.end(), [kind](const Page::Run& run) {
            return !run.record->latency_by_operation[kind].percentiles.empty();
          });
      if (!has) continue;
      kinds.emplace_back(to_string(static_cast<OperationKind>(kind)));
      break;
    }
  if (kinds.empty()) return "";
  std::string html =
      "<section id=\"percentiles\" class=\"charts-only\"><h2>Latency, from the fastest to the "
      "worst</h2>\n"
      "<p>How long so many of all operations took at most, from the moment each was due. To the "
      "right are the rare "
      "slow ones: every step is ten times rarer.</p>\n"
      "<div class=\"choices\" role=\"group\" aria-label=\"Operations\">"
      "<button type=\"button\" data-kind=\"all\" aria-pressed=\"true\">all operations</button>";
  for (std::string& kind : kinds) {
    std::string words = kind;
    std::replace(words.begin(), words.end(), '_', ' ');
    html += fmt::format(
        "<button type=\"button\" data-kind=\"{}\" aria-pressed=\"false\">{}</button>", kind, words);
  }
  return html +
         "</div>\n<figure><figcaption></figcaption><div class=\"chart tall\" "
         "data-chart=\"percentiles\" role=\"img\" "
         "aria-label=\"Latency percentiles\"></div></figure>\n</section>\n";
}

}  // namespace holdfast::initiator
