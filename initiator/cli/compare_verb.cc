#include <fmt/format.h>

#include <cstdio>

#include "initiator/cli/verbs.h"
#include "initiator/report/compare_json.h"
#include "initiator/report/compare_text.h"
#include "initiator/report/format.h"

namespace holdfast::initiator {

int compare_verb(const CompareOptions& options) {
  for (const std::string& path : {options.run.json_path, options.html_path}) {
    if (path.empty()) continue;
    const Status writable = check_record_path(path);
    if (!writable) return complain(writable.error(), exit_usage);
  }
  Result<Interrupts> interrupts = Interrupts::open();
  if (!interrupts) return complain(interrupts.error(), exit_not_started);
  Comparison comparison(options, *interrupts);
  const Status tried = comparison.run();
  if (!tried) {
    const bool usage = tried.error().kind == ErrorKind::invalid_input || tried.error().kind == ErrorKind::out_of_space;
    return complain(tried.error(), usage ? exit_usage : exit_not_started);
  }

  const CompareRecord& record = comparison.record();
  int code = record.exit_code();
  const std::string text = options.run.quiet ? verdict_line(record) + "\n" : to_text(record);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (!options.run.json_path.empty())
    if (const Status written = write_record(record, options.run.json_path); !written)
      code = complain(written.error(), code == 0 ? 1 : code);
  return code;
}

}  // namespace holdfast::initiator
