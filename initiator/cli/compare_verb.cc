#include <fmt/format.h>

#include <cstdio>

#include "initiator/cli/run_files.h"
#include "initiator/cli/verbs.h"
#include "initiator/report/compare_text.h"
#include "initiator/report/format.h"

namespace holdfast::initiator {

int compare_verb(const CompareOptions& options) {
  if (const Status writable = check_files(options.run); !writable) return complain(writable.error(), exit_usage);
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
  if (const Status written = write_files(record, options.run); !written)
    code = complain(written.error(), code == 0 ? 1 : code);
  return code;
}

}  // namespace holdfast::initiator
