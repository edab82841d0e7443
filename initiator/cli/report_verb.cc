#include <cstdio>
#include <variant>

#include "initiator/cli/verbs.h"
#include "initiator/report/compare_text.h"
#include "initiator/report/html_page.h"
#include "initiator/report/record_file.h"
#include "initiator/report/run_text.h"
#include "initiator/report/saved_record.h"

namespace holdfast::initiator {

int report_verb(const std::string& record_path, const std::string& html_path) {
  if (!html_path.empty())
    if (const Status writable = check_record_path(html_path); !writable)
      return complain(writable.error(), exit_usage);
  const Result<SavedRecord> record = read_saved_record(record_path);
  if (!record) return complain(record.error(), exit_usage);
  if (html_path.empty()) {
    const std::string text = std::visit([](const auto& one) { return to_text(one); }, *record);
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  const std::string page = std::visit([](const auto& one) { return to_html(one); }, *record);
  const Status written = write_whole(page, html_path);
  return written ? 0 : complain(written.error(), exit_usage);
}

}  // namespace holdfast::initiator
