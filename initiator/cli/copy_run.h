#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "initiator/cli/copy_place.h"
#include "initiator/cli/destination.h"
#include "initiator/cli/run.h"
#include "initiator/workload/copy.h"
#include "initiator/workload/verify.h"

namespace holdfast::initiator {

struct CopyRunOptions {
  RunOptions run;
  std::string source;
  Destination destination;
  bool verify = false;
  std::uint32_t readers = 0;  // that read finished files meanwhile
  bool locks = false;         // are taken and released on them
};

/// One `holdfast copy`: a tree is copied, and read back in a session of its own.
class CopyRun final : public Run {
 public:
  CopyRun(Loop& loop, Signals& signals, CopyRunOptions options);

 private:
  Task<void> work() override;
  void abandon() override { place_->abandon(); }
  void note_progress(RunRecord& record) const override;

  Task<void> copy_phase(const SourceEstimate& estimate);
  Task<void> verify_phase(const SourceEstimate& estimate);
  Task<Status> open_place(bool read_only);
  Task<void> close_place(WireUse& wire);
  SourceOptions source_options() const;
  Error too_small(const SourceEstimate& estimate, const Error& error) const;
  void take(const CopyResult& result);
  void take(const PressureResult& result);
  void take(const Mismatch& mismatch);
  void take(const VerifyResult& result);
  void note_left_out(const std::vector<LeftOut>& left_out);

  const CopyRunOptions options_;
  std::unique_ptr<CopyPlace> place_;
  CopyResult copied_;
};

}  // namespace holdfast::initiator
