#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "initiator/cli/copy_run.h"
#include "initiator/report/run_record.h"
#include "initiator/servers/interrupts.h"

namespace holdfast::initiator {

// The steps of a comparison that meet a server, a disk or the source. Each runs in a process of its
// own, so that one that is stuck or crashes takes nothing with it; what it found comes back through
// a file in `folder`. A signal that came meanwhile is noted in `interrupts`.

struct SourceSize {
  std::uint64_t nodes = 0;
  std::uint64_t entries = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t space_bytes = 0;  // what an ext4 filesystem needs for it beside its inodes
};
/// Walks the source, and reads all of it if it is of `warm_bytes_max` at most, so that it stands in
/// the page cache.
Result<SourceSize> measure_source(const std::string& source, std::uint64_t warm_bytes_max,
                                  const std::string& folder, Interrupts& interrupts);

/// Whether the server of `url` serves it: opens it for reading as a copy would, and closes it.
Status probe_url(const std::string& url, IscsiEngine engine, Duration time, const std::string& folder,
                 Interrupts& interrupts);

/// How a copy in a process of its own ended.
struct CopyEnd {
  std::optional<RunRecord> record;  // none if it did not start, or left none
  Error failure;                    // why there is none
  int failure_code = 0;             // 2 or 3 where it did not start in order; 0 if it crashed or was killed
  bool hung = false;                // it had to end itself without a record
};
/// `holdfast copy` with these options, without its report.
CopyEnd copy_in_child(const CopyRunOptions& options, const std::string& folder, Interrupts& interrupts);

/// Makes the local folder at `path`, or removes it with all that is in it.
Status make_folder_in_child(const std::string& path, const std::string& folder, Interrupts& interrupts);
Status remove_folder_in_child(const std::string& path, const std::string& folder, Interrupts& interrupts);

}  // namespace holdfast::initiator
