#include "initiator/cli/copy_place.h"

#include <cerrno>
#include <utility>

#include "initiator/tree/ext4_tree.h"
#include "initiator/watch/watch.h"
#include "initiator/watch/evidence.h"
#include "initiator/watch/watched_device.h"
#include "initiator/watch/watched_tree.h"

namespace holdfast::initiator {
namespace {

/// A filesystem of ours on a block device.
class DevicePlace final : public CopyPlace {
 public:
  DevicePlace(Loop& loop, Destination destination, WatchTimer& timer, Reconnect reconnect)
      : loop_(loop), destination_(std::move(destination)), timer_(timer), reconnect_(reconnect) {
    facts_.url = destination_.to_string();
  }

  Task<Status> open(bool read_only, Duration deadline) override {
    Result<std::unique_ptr<Device>> opened = co_await destination_.open_device(loop_, read_only, deadline, 0, reconnect_);
    if (!opened) co_return opened.error();
    device_ = std::make_unique<WatchedDevice>(std::move(opened).value(), timer_);
    facts_.transport = device_->transport();
    facts_.bytes = device_->size();
    facts_.note(device_->negotiated());
    if (!read_only && device_->read_only())
      co_return Error{ErrorKind::refused, EROFS, "write to " + facts_.url + ": it is read-only; have its server export it writable"};
    co_return Status();
  }

  Task<Result<Tree*>> make_tree(const SourceEstimate& estimate) override {
    Ext4Options options;
    options.nodes = estimate.nodes();
    options.bytes = estimate.space_bytes;
    Result<std::unique_ptr<Tree>> made = co_await Ext4Tree::make(loop_, *device_, options);
    co_return keep(std::move(made));
  }

  Task<Result<Tree*>> open_tree() override {
    const Ext4Options options;
    Result<std::unique_ptr<Tree>> opened = co_await Ext4Tree::open(loop_, *device_, options);
    co_return keep(std::move(opened));
  }

  Task<void> close(Duration deadline) override {
    if (device_ == nullptr) co_return;
    co_await device_->close(deadline);
    facts_.note(device_->negotiated());
    wire_ = device_->wire();
    last_error_ = device_->last_error();
    drained_ = device_->drained();
    if (!drained_) {
      static_cast<void>(device_.release());
      static_cast<void>(tree_.release());
    }
    tree_.reset();
    device_.reset();
  }

  void abandon() override {
    if (device_ != nullptr) device_->abandon();
  }
  bool drained() const override { return drained_; }
  WireUse wire() const override { return device_ == nullptr ? wire_ : device_->wire(); }
  std::string last_error() const override { return device_ == nullptr ? last_error_ : device_->last_error(); }

 private:
  Result<Tree*> keep(Result<std::unique_ptr<Tree>> tree) {
    if (!tree) return tree.error();
    tree_ = std::move(tree).value();
    return tree_.get();
  }

  Loop& loop_;
  const Destination destination_;
  WatchTimer& timer_;
  const Reconnect reconnect_;
  std::unique_ptr<Device> device_;
  std::unique_ptr<Tree> tree_;  // on the device, which goes first and lets go of its memory
  bool drained_ = true;
  WireUse wire_;
  std::string last_error_;
};

/// A tree of files that somebody else keeps.
class TreePlace final : public CopyPlace, private PathWitness {
 public:
  TreePlace(Loop& loop, Destination destination, WatchTimer& timer, Reconnect reconnect)
      : loop_(loop), destination_(std::move(destination)), timer_(timer), reconnect_(reconnect) {
    facts_.url = destination_.to_string();
  }
  ~TreePlace() override = default;

  Task<Status> open(bool read_only, Duration deadline) override {
    // Nothing is connected to where a mount is: the first call on it is as any other, and is watched.
    const bool is_call = destination_.may_stick();
    const std::uint32_t slot = is_call ? begin_opening() : 0;
    const Duration limit = is_call ? deadline + beyond_hang : deadline;
    Result<std::unique_ptr<Tree>> opened = co_await destination_.open_tree(loop_, read_only, limit, &stuck_in_, reconnect_);
    if (is_call && timer_.evidence() != nullptr) timer_.evidence()->remove(*this);
    if (is_call) timer_.watch().end(slot, opened ? 0 : opened.error().code, clock_now());
    if (!opened) {
      // The kernel still holds what it did not answer.
      drained_ = opened.error().kind != ErrorKind::timed_out || !is_call;
      last_error_ = opened.error().message;
      co_return opened.error();
    }
    tree_ = std::make_unique<WatchedTree>(std::move(opened).value(), timer_);
    facts_.transport = tree_->transport();
    facts_.bytes = tree_->free_bytes();
    facts_.note(tree_->negotiated());
    co_return Status();
  }

  Task<Result<Tree*>> make_tree(const SourceEstimate&) override { co_return tree_.get(); }
  Task<Result<Tree*>> open_tree() override { co_return tree_.get(); }

  /// The workload has closed the tree, or it was abandoned.
  Task<void> close(Duration) override {
    if (tree_ == nullptr) co_return;
    facts_.note(tree_->negotiated());
    wire_ = tree_->wire();
    last_error_ = tree_->last_error();
    drained_ = tree_->drained();
    if (!drained_) static_cast<void>(tree_.release());
    tree_.reset();
  }

  void abandon() override {
    if (tree_ != nullptr) tree_->abandon();
  }
  bool drained() const override { return drained_; }
  WireUse wire() const override { return tree_ == nullptr ? wire_ : tree_->wire(); }
  std::string last_error() const override { return tree_ == nullptr ? last_error_ : tree_->last_error(); }

 private:
  /// The watch, which does not count our own lateness, tells a hang long before we give up.
  static constexpr Duration beyond_hang = std::chrono::seconds(10);

  std::uint32_t begin_opening() {
    Watch& watch = timer_.watch();
    const Instant now = clock_now();
    const std::uint32_t slot = watch.begin(OperationKind::get_attributes, 0, 0, watch.name_file("/"), now, now);
    timer_.begun();
    if (timer_.evidence() != nullptr) timer_.evidence()->add(*this, "dir");
    return slot;
  }
  std::string stuck_in() const override { return stuck_in_ ? stuck_in_() : std::string(); }

  Loop& loop_;
  const Destination destination_;
  WatchTimer& timer_;
  const Reconnect reconnect_;
  StuckIn stuck_in_;  // while it opens; then the tree tells it
  std::unique_ptr<Tree> tree_;
  bool drained_ = true;
  WireUse wire_;
  std::string last_error_;
};

}  // namespace

std::unique_ptr<CopyPlace> make_copy_place(Loop& loop, const Destination& destination, WatchTimer& timer,
                                           Reconnect reconnect) {
  if (destination.is_device()) return std::make_unique<DevicePlace>(loop, destination, timer, reconnect);
  return std::make_unique<TreePlace>(loop, destination, timer, reconnect);
}

}  // namespace holdfast::initiator
