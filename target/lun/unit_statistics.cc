#include "target/lun/unit_statistics.h"

#include <variant>

namespace holdfast::target {
namespace {

struct Kinds {
  CommandKind operator()(const scsi::Read&) const { return CommandKind::read; }
  CommandKind operator()(const scsi::Write&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::WriteAndVerify&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::CompareAndWrite&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::OrWrite&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::WriteAtomic&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::WriteSame&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::Unmap&) const { return CommandKind::write; }
  CommandKind operator()(const scsi::SynchronizeCache&) const { return CommandKind::flush; }
  template <typename Command>
  CommandKind operator()(const Command&) const {
    return CommandKind::other;
  }
};

}  // namespace

CommandKind kind_of(const scsi::Cdb& command) { return std::visit(Kinds{}, command); }

void UnitStatistics::ended(CommandKind kind, const StageTimes& times, const End& end) {
  --in_flight_;
  std::unique_ptr<OfKind>& of_kind = kinds_[static_cast<std::size_t>(kind)];
  if (of_kind == nullptr) of_kind = std::make_unique<OfKind>();
  if (!end.answered) {
    ++of_kind->aborted;
    return;
  }
  of_kind->bytes += end.bytes;
  if (end.failed) ++of_kind->failed;
  const auto record = [&](StageSpan span, Instant from, Instant to) {
    of_kind->times[static_cast<std::size_t>(span)].record(to - from);
  };
  record(StageSpan::gather, times.received, times.in_hand);
  record(StageSpan::wait, times.in_hand, times.store_started);
  record(StageSpan::store, times.store_started, times.store_done);
  record(StageSpan::send, times.store_done, times.sent);
  record(StageSpan::whole, times.received, times.sent);
}

}  // namespace holdfast::target
