#include <fmt/format.h>

#include "initiator/report/html_text.h"
#include "initiator/report/page_assets.h"
#include "initiator/report/page_sections.h"

namespace holdfast::initiator {

std::string making_section(const Page& page) {
  std::string html = "<section id=\"making\"><h2>How this was made</h2>\n";
  html += "<code class=\"command\">" + html_text(page.command) + "</code>\n<dl class=\"facts\">\n";
  for (const auto& [what, value] : page.making)
    html += "<dt>" + html_text(what) + "</dt><dd>" + html_text_lines(value) + "</dd>\n";
  return html + "</dl>\n</section>\n</main>\n";
}

std::string footer_section() {
  return "<footer>\n<p>A <b>gap</b> is the time between two answers while something was in flight. "
         "A <b>hiccup</b> is a "
         "gap of at least 100 ms and ten times the median; a <b>stall</b> one of the stall limit "
         "or more, that ended, or "
         "an operation that waited so long while others were answered; a <b>hang</b> did not end "
         "within the hang limit. "
         "An <b>outage</b> is a broken connection, a <b>reconnect</b> one that came back. A <b>local pause</b> is this tool not running, "
         "and is held against "
         "nobody.</p>\n"
         "<noscript><p>The charts need JavaScript, which is off; everything else is "
         "here.</p></noscript>\n"
         "<details><summary>Licences</summary>\n<p>This page is made by Holdfast, under the Apache "
         "License 2.0. Its "
         "charts are drawn by dygraphs, which stands in it as Debian has it:</p>\n<pre>" +
         html_text_lines(page_assets::charts_licence) + "</pre></details>\n</footer>";
}

std::string chip(const std::string& tone, const std::string& word) {
  return fmt::format("<span class=\"chip is-{}\">{}</span>", tone, html_text(word));
}

std::string verdict_chip(const RunRecord& record) {
  const bool finished = record.workload.outcome == Outcome::finished;
  if (record.verdict == Verdict::steady && !finished)
    return chip("neutral", to_string(record.workload.outcome));
  return chip(to_string(record.verdict), to_string(record.verdict));
}

std::string swatch(std::size_t place) {
  return fmt::format("<span class=\"swatch\" style=\"--hue: var(--c{})\"></span>", place % 8);
}

}  // namespace holdfast::initiator
