#include "initiator/report/html_page.h"

#include <map>
#include <string_view>

#include "common/base/check.h"
#include "initiator/report/html_text.h"
#include "initiator/report/page_assets.h"
#include "initiator/report/page_data.h"
#include "initiator/report/page_sections.h"

namespace holdfast::initiator {
namespace {

/// Puts what is named between double braces in the template in its place, once: what is put in is
/// not looked at again.
std::string fill(std::string_view form, const std::map<std::string_view, std::string_view>& parts) {
  std::string filled;
  while (true) {
    const std::size_t open = form.find("{{");
    filled += form.substr(0, open);
    if (open == std::string_view::npos) return filled;
    const std::size_t close = form.find("}}", open);
    const auto part = parts.find(form.substr(open + 2, close - open - 2));
    CHECK(part != parts.end());
    filled += part->second;
    form.remove_prefix(close + 2);
  }
}

std::string to_html(const Page& page, const std::string& section = {}) {
  std::string body = verdict_section(page) + table_section(page);
  if (page.comparison) body += stacks_section(page) + percentiles_section(page);
  for (std::size_t place = 0; place < page.destinations.size(); ++place)
    body += destination_section(page, place);
  body += section;
  if (!page.comparison) body += stacks_section(page) + percentiles_section(page);
  body += making_section(page) + footer_section();
  const std::string title = html_text(page.title);
  const std::string data = json_for_script(page_data(page));
  return fill(page_assets::page_template,
              {{"title", title},
               {"body", body},
               {"data", data},
               {"page_style", page_assets::page_style},
               {"dark_colours", page_assets::dark_colours},
               {"page_script", page_assets::page_script},
               {"charts_script", page_assets::charts_script},
               {"charts_style", page_assets::charts_style},
               {"page_script_hash", page_assets::page_script_hash},
               {"charts_script_hash", page_assets::charts_script_hash}});
}

}  // namespace

std::string to_html(const RunRecord& record) {
  return to_html(page_of(record));
}

std::string to_html(const RunRecord& record, const std::string& section) { return to_html(page_of(record), section); }

std::string to_html(const CompareRecord& record) {
  const Judgement judgement = judge(record);
  return to_html(page_of(record, judgement));
}

}  // namespace holdfast::initiator
