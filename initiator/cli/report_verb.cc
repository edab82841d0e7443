#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "initiator/cli/verbs.h"
#include "initiator/report/compare_text.h"
#include "initiator/report/html_page.h"
#include "initiator/report/record_file.h"
#include "initiator/report/run_text.h"
#include "initiator/report/saved_record.h"
#include "initiator/report/target_join.h"

namespace holdfast::initiator {
namespace {

/// What the target has to say to a run; nothing if nobody asked it.
struct TargetsView {
  std::string text;
  std::string section;
};

Error with_name(const std::string& file, Error error) {
  error.message = file + ": " + error.message;
  return error;
}

Result<TargetsView> ask_target(const SavedRecord& record, const std::string& text, const ReportOptions& options) {
  if (options.target.empty()) return TargetsView{};
  if (!std::holds_alternative<RunRecord>(record))
    return Error{ErrorKind::invalid_input, EINVAL,
                 options.record + ": it is a comparison, and a target's dump is of one run"};
  const Result<TargetDump> dump = read_target_dump(options.target);
  if (!dump) return dump.error();
  const Result<RunView> view = run_view_from_json(text);
  if (!view) return with_name(options.record, view.error());
  const Result<TargetJoin> join = join_with_target(*view, *dump);
  if (!join) return with_name(options.target, join.error());
  return TargetsView{to_text(*join, *view), target_section(*join, *view)};
}

std::string page_of_record(const SavedRecord& record, const TargetsView& target) {
  if (const RunRecord* run = std::get_if<RunRecord>(&record)) return to_html(*run, target.section);
  return to_html(std::get<CompareRecord>(record));
}

}  // namespace

int report_verb(const ReportOptions& options) {
  if (!options.html_path.empty())
    if (const Status writable = check_record_path(options.html_path); !writable)
      return complain(writable.error(), exit_usage);
  const Result<std::string> json = read_record_text(options.record);
  if (!json) return complain(json.error(), exit_usage);
  const Result<SavedRecord> record = saved_record_from_json(*json);
  if (!record) return complain(with_name(options.record, record.error()), exit_usage);
  const Result<TargetsView> target = ask_target(*record, *json, options);
  if (!target) return complain(target.error(), exit_usage);
  if (options.html_path.empty()) {
    const std::string text = std::visit([](const auto& one) { return to_text(one); }, *record);
    std::fputs((text + target->text).c_str(), stdout);
    return 0;
  }
  const Status written = write_whole(page_of_record(*record, *target), options.html_path);
  return written ? 0 : complain(written.error(), exit_usage);
}

}  // namespace holdfast::initiator
