#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/runtime/event.h"
#include "common/runtime/fiber.h"
#include "common/runtime/scope.h"
#include "common/runtime/timer.h"
#include "initiator/tree/ext4_filesystem.h"
#include "initiator/tree/ext4_tree.h"
#include "initiator/tree/layout_cache.h"
#include "initiator/tree/open_files.h"
#include "initiator/tree/write_back_cache.h"

namespace holdfast::initiator {

/// The tree that Ext4Tree makes: each verb is a job for the fiber on which libext2fs lives; only
/// file data goes past it, from the caller's memory into the cache and from the device into the
/// caller's.
class MountedExt4 final : public Tree {
 public:
  MountedExt4(Loop& loop, Device& device, std::unique_ptr<Fiber> fiber, const Ext4Options& options,
              bool blank);
  ~MountedExt4() override;

  /// Puts a new filesystem from its image onto the device and opens it for writing.
  Task<Status> begin_new(int image);
  /// Opens what the device holds for reading.
  Task<Status> begin_existing();

  NodeId root() const override { return NodeId{EXT2_ROOT_INO}; }
  std::string transport() const override { return "ext4"; }
  std::uint32_t concurrency() const override { return cache_.depth(); }
  std::uint64_t free_bytes() const override;

  Task<Result<NodeId>> make_directory(NodeId parent, const std::string& name,
                                      const Attributes& attributes) override;
  Task<Result<NodeId>> create_file(NodeId parent, const std::string& name,
                                   const Attributes& attributes, std::span<const DataRange> ranges,
                                   std::uint32_t file) override;
  Task<Status> write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) override;
  Task<Status> finish_file(NodeId file) override;
  Task<Status> link(NodeId node, NodeId parent, const std::string& name) override;
  Task<Result<NodeId>> make_symlink(NodeId parent, const std::string& name,
                                    const std::string& target,
                                    const Attributes& attributes) override;
  Task<Result<NodeId>> make_special(NodeId parent, const std::string& name,
                                    const Attributes& attributes) override;
  Task<Status> set_attributes(NodeId node, const Attributes& attributes) override;
  Task<Status> sync() override;

  Task<Result<std::vector<DirectoryEntry>>> read_directory(NodeId directory) override;
  Task<Result<Attributes>> read_attributes(NodeId node) override;
  Task<Result<std::string>> read_link(NodeId node) override;
  Task<Result<std::size_t>> read(NodeId node, std::uint64_t offset, std::span<std::byte> data,
                                 std::uint32_t file) override;
  Task<Result<std::vector<DataRange>>> read_data_ranges(NodeId node) override;

  Task<Status> close() override;

 private:
  /// The kernel's rhythm: an event every few seconds.
  class Rhythm final : public Timer {
   public:
    Rhythm(Loop& loop, Duration every) : Timer(loop), every_(every) {}
    ~Rhythm() = default;
    void start() { arm(clock_now() + every_); }
    Event beat;

   private:
    void expire() override {
      beat.set();
      start();
    }
    Duration every_;
  };

  static ext2_ino_t number_of(NodeId node) { return static_cast<ext2_ino_t>(node); }
  Task<void> write_back_regularly();
  /// Runs `work`, which returns a Result or a Status, on the fiber, unless the cache has failed.
  template <typename Answer, typename Work>
  Task<Answer> on_fiber(Work& work);
  Task<Status> fill_window(ext2_ino_t number, std::uint64_t block);
  /// Plans the reading of `into` from `offset` as far as the window goes; zeroes what is a hole.
  std::size_t plan(const LayoutWindow& window, std::uint64_t offset, std::span<std::byte> into,
                   std::vector<WriteBackCache::ReadPiece>& pieces) const;

  std::unique_ptr<Fiber> fiber_;
  WriteBackCache cache_;
  std::unique_ptr<Ext4Filesystem> filesystem_;
  OpenFiles open_files_;
  LayoutCache layouts_;
  Rhythm rhythm_;
  const bool rhythmic_;
  Scope scope_;
  bool closing_ = false;
  bool closed_ = false;
};

template <typename Answer, typename Work>
Task<Answer> MountedExt4::on_fiber(Work& work) {
  CHECK(!closed_);
  if (cache_.failure()) co_return *cache_.failure();
  std::optional<Answer> answer;
  auto job = [&] {
    [[maybe_unused]] const auto of_before = cache_.take_read_error();
    answer.emplace(work());
    if (*answer) return;
    // libext2fs knows an I/O error as a number; the cache knows the words.
    if (std::optional<Error> read_error = cache_.take_read_error()) answer.emplace(*read_error);
    if (cache_.failure()) answer.emplace(*cache_.failure());
  };
  co_await fiber_->run(job);
  co_return std::move(*answer);
}

}  // namespace holdfast::initiator
