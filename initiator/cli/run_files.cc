#include "initiator/cli/run_files.h"

#include "initiator/report/compare_json.h"
#include "initiator/report/html_page.h"
#include "initiator/report/record_file.h"
#include "initiator/report/run_json.h"

namespace holdfast::initiator {
namespace {

template <typename Record>
Status write(const Record& record, const RunOptions& options) {
  Status record_written;
  Status page_written;
  if (!options.json_path.empty()) record_written = write_record(record, options.json_path);
  if (!options.html_path.empty()) page_written = write_whole(to_html(record), options.html_path);
  return record_written ? page_written : record_written;
}

}  // namespace

Status check_files(const RunOptions& options) {
  for (const std::string* path : {&options.json_path, &options.html_path})
    if (!path->empty())
      if (Status writable = check_record_path(*path); !writable) return writable;
  return {};
}

Status write_files(const RunRecord& record, const RunOptions& options) { return write(record, options); }

Status write_files(const CompareRecord& record, const RunOptions& options) { return write(record, options); }

}  // namespace holdfast::initiator
