#include <cstdio>
#include <string>

#include "initiator/cli/verbs.h"
#include "initiator/report/diff.h"
#include "initiator/report/diff_text.h"
#include "initiator/report/record_file.h"
#include "initiator/report/saved_record.h"

namespace holdfast::initiator {
namespace {

constexpr int exit_worse = 1;

Result<Diff> diff_of_files(const DiffOptions& options) {
  const Result<SavedRecord> before = read_saved_record(options.before);
  if (!before) return before.error();
  const Result<SavedRecord> now = read_saved_record(options.now);
  if (!now) return now.error();
  Result<Diff> diff = diff_of(*before, *now, options.tolerance);
  if (diff) return diff;
  Error error = diff.error();
  error.message = "diff " + options.before + " " + options.now + ": " + error.message;
  return error;
}

}  // namespace

int diff_verb(const DiffOptions& options) {
  if (!options.json_path.empty())
    if (const Status writable = check_record_path(options.json_path); !writable)
      return complain(writable.error(), exit_usage);
  const Result<Diff> diff = diff_of_files(options);
  if (!diff) return complain(diff.error(), exit_usage);
  const DiffNames names{options.before, options.now};
  const std::string text = options.quiet ? verdict_line(*diff) + "\n" : to_text(*diff, names);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  const int code = diff->worse() ? exit_worse : 0;
  if (options.json_path.empty()) return code;
  const Status written = write_whole(to_json(*diff, names), options.json_path);
  return written ? code : complain(written.error(), exit_usage);
}

}  // namespace holdfast::initiator
