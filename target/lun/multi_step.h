#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/runtime/task.h"
#include "common/scsi/copy_list.h"
#include "target/lun/logical_unit.h"
#include "target/lun/steps.h"
#include "target/lun/unit_visit.h"
#include "target/lun/work_buffers.h"

namespace holdfast::target {

/// Commands that take several steps on the medium, each a coroutine from its start to its outcome.
/// They look at `abort_wanted` between steps, and an abort cuts the step short that they are at; what
/// they return then does not matter. Only what must be all or nothing goes on once it has begun.
struct LogicalUnit::MultiStep {
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::Verify& verify);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::WriteAndVerify& write);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::CompareAndWrite& write);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::OrWrite& write);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::WriteAtomic& write);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::WriteSame& write);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::Unmap& unmap);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::GetLbaStatus& asked);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::PreFetch& fetch);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::FormatUnit& format);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::Sanitize& sanitize);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::ExtendedCopy& copy);
  static Task<Outcome> run(LogicalUnit& unit, Command& command, const scsi::LogSense& asked);

 private:
  /// What a stretch of the medium is compared with.
  struct Expected {
    std::span<const iovec> data;      // nothing: it is only read
    std::uint64_t repeats_after = 0;  // bytes after which `data` begins anew; 0: never
  };
  struct Stretch {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    bool lock = false;  // for each piece; otherwise the caller holds one on all of it
  };

  static bool given_up(const Command& command) { return command.abort_wanted_; }
  static std::uint64_t offset_of(const LogicalUnit& unit, const scsi::BlockRange& range) {
    return range.lba * unit.geometry_.block_bytes;
  }
  static bool durable(const LogicalUnit& unit, bool force_unit_access) {
    return force_unit_access || !unit.write_cache_enabled_;
  }
  /// The failure of a step's last operation as sense data.
  static scsi::Sense failure(const LogicalUnit& unit, StoreStep& step);
  static scsi::Sense failure(const LogicalUnit& unit, const AtomicJournal::Ended& ended);
  static Task<std::optional<scsi::Sense>> compare(LogicalUnit& unit, Command& command,
                                                  Stretch stretch, Expected expected);
  static Task<std::optional<scsi::Sense>> fill(LogicalUnit& unit, Command& command, Stretch stretch,
                                               std::span<const std::byte> block);
  /// The units that a copy is about, in the order of its list, and the visits to those that are
  /// others than the one that has the command.
  struct CopyParties {
    std::vector<LogicalUnit*> units;
    std::vector<std::unique_ptr<UnitVisit>> visits;

    bool turned_away() const {
      return std::ranges::any_of(
          visits, [](const std::unique_ptr<UnitVisit>& visit) { return visit->turned_away(); });
    }
    std::uint64_t bytes_of(const scsi::CopySegment& segment) const {
      const LogicalUnit* counts =
          units[segment.destination_counts ? segment.destination : segment.source];
      return std::uint64_t{segment.blocks} * counts->geometry_.block_bytes;
    }
  };
  static std::optional<scsi::Sense> find_parties(LogicalUnit& unit, Command& command,
                                                 const scsi::CopyList& list, CopyParties& parties);
  static std::optional<scsi::Sense> check_segment(const LogicalUnit& unit, const Command& command,
                                                  const CopyParties& parties,
                                                  const scsi::CopySegment& segment,
                                                  std::size_t number);
  static Task<bool> copy_segment(Command& command, const CopyParties& parties,
                                 const scsi::CopySegment& segment);
  static Task<bool> make_durable(Command& command, const CopyParties& parties);
  static Task<Outcome> run_job(LogicalUnit& unit, Command& command, JobPlan plan, bool immediate);
  static Task<std::optional<scsi::Sense>> combine(LogicalUnit& unit, Command& command,
                                                  Stretch stretch);
};

}  // namespace holdfast::target
