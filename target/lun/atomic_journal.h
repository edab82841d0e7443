#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <sys/uio.h>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "target/lun/atomic_intent.h"
#include "target/lun/range_locks.h"
#include "target/lun/steps.h"
#include "target/lun/work_buffers.h"
#include "target/store/state_file.h"
#include "target/store/store.h"

namespace holdfast::target {

/// Sees to it that what COMPARE AND WRITE and WRITE ATOMIC write is on the medium as a whole or not
/// at all, whatever becomes of the daemon, the power or the medium's room meanwhile.
///
/// What the medium writes at once needs no help. Neither does a store that is gone with the daemon.
/// For all else:
///
///     flush  ──>  keep an intent: what is there now  ──>  write in place, durably  ──>  forget it
///
/// each step on its medium before the next one begins (without a write-back cache there is nothing to
/// flush). A daemon that finds an intent at its start
/// looks at the range before anybody else does. If it holds a part of each, what was before is put
/// back, as nobody was ever told that the write was done; if it holds the one or the other, or what
/// neither of them left there (it is another medium), it stays as it is. The same is done at once
/// when the write fails. Intents are in files of their own, a few for each unit; who finds all of
/// them in use waits. Plain READs and WRITEs know nothing of this.
///
/// A range that cannot be put right is neither read nor written (EIO), and while an intent cannot be
/// forgotten its range is not written, so that nobody's data are taken for half of an atomic write.
/// Both are tried again every second, and at the next start.
class AtomicJournal final : private StoreGuard {
 public:
  /// The files of a unit: how many atomic writes it has under way at once, beside those at once.
  static constexpr std::size_t files_max = 2;

  /// `write_back`: plain writes are acknowledged before they are on the medium.
  AtomicJournal(Store& store, RangeLocks& locks, WorkBuffers& buffers, bool write_back);
  /// Idle by then.
  ~AtomicJournal();
  AtomicJournal(const AtomicJournal&) = delete;
  AtomicJournal& operator=(const AtomicJournal&) = delete;

  /// Adds a file, which holds `content` now. Fails if that is not to be believed. nullptr: it is
  /// only looked at.
  Status keep_in(std::unique_ptr<StateFile> file, std::string_view content);
  /// Before any command comes: looks at the ranges of intents that were found. They are locked until
  /// that is done.
  void recover();

  /// Writes of any size can be done as a whole.
  bool takes_all() const { return !store_.has_volatile_cache() || !files_.empty(); }
  /// What the medium writes at once, where it is aligned: its physical block, and no more than the
  /// page in which the kernel takes it over.
  std::uint32_t bytes_at_once() const;

  struct Ended {
    int error = 0;  // 0, or the errno
    /// The intent could not be kept; otherwise it is the medium that failed, at `failed_offset`.
    bool intent_failed = false;
    std::uint64_t failed_offset = 0;
  };
  /// Writes `vectors`, whose range the caller has locked: durable where that is asked for, and where
  /// an intent is needed in any case. Without a file for intents it can only be hoped for.
  Task<Ended> write(std::uint64_t offset, std::span<iovec> vectors, bool force_unit_access);

  /// Forgets what cannot be put right, since all of the medium, which the caller has locked, is about
  /// to be made anew. 0, or the errno.
  Task<int> drop();
  /// Nothing is tried again from here on.
  void rest();
  /// Something that was found is being put right; and a word when that is over.
  bool recovering() const { return recovering_ > 0; }
  void tell_when_idle(std::function<void()> idle) { waiting_.push_back(std::move(idle)); }

 private:
  /// What is kept off the range of an intent.
  enum class Barred : std::uint8_t { nothing, writes, everything };
  struct File {
    std::unique_ptr<StateFile> file;
    std::optional<AtomicIntent> intent;  // that it has, or may have
    bool in_use = false;
    bool may_be_half_done = false;
    bool recovering = false;  // somebody looks at it
    Barred barred = Barred::nothing;
  };
  class Retry final : public Timer {
   public:
    explicit Retry(AtomicJournal& journal) : Timer(Loop::current()), journal_(journal) {}

   private:
    void expire() override { journal_.try_again(); }
    AtomicJournal& journal_;
  };
  /// What a range holds.
  struct Findings {
    int error = 0;  // it cannot be read
    bool all_before = true;
    bool all_after = true;
    bool all_known = true;
    bool is_mixed() const { return all_known && !all_before && !all_after; }
  };

  std::optional<std::uint64_t> stops(const StoreRequest& request) const override;
  bool needs_intent(std::uint64_t offset, std::uint64_t bytes) const;
  File* take_file();
  bool every_file_is_stuck() const;
  Task<int> find_before(AtomicIntent& intent);
  Task<Findings> look(const AtomicIntent& intent);
  Task<int> put_back(const AtomicIntent& intent);
  /// After which the range is whole, and on the medium.
  Task<int> heal(const AtomicIntent& intent);
  Task<int> forget(File& file);
  /// Heals and forgets, as far as it can be done.
  Task<void> end(File& file);
  Shell recover(File& file);
  void bar(File& file, Barred barred, int error);
  void unbar(File& file);
  void set_free(File& file);
  void try_again();

  Store& store_;
  RangeLocks& locks_;
  WorkBuffers& buffers_;
  const bool write_back_;
  std::vector<std::unique_ptr<File>> files_;
  Event freed_;
  std::unique_ptr<Retry> retry_;  // from when it is first needed
  bool resting_ = false;
  std::size_t recovering_ = 0;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace holdfast::target
