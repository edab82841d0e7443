#include "initiator/tree/mounted_ext4.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/ext4_format.h"

namespace holdfast::initiator {
namespace {

Result<NodeId> node_of(const Result<ext2_ino_t>& made) {
  if (!made) return made.error();
  return NodeId{*made};
}

WriteBackCacheOptions cache_options(const Ext4Options& options, bool blank) {
  WriteBackCacheOptions chosen;
  chosen.dirty_bytes_max = options.dirty_bytes_max;
  chosen.metadata_bytes_max = options.metadata_bytes_max;
  chosen.blank = blank;
  return chosen;
}

Error not_open_for_writing() {
  return Error{ErrorKind::invalid_input, EBADF, "the file is not being written"};
}

}  // namespace

MountedExt4::MountedExt4(Loop& loop, Device& device, std::unique_ptr<Fiber> fiber,
                         const Ext4Options& options, bool blank)
    : fiber_(std::move(fiber)),
      cache_(device, *fiber_, cache_options(options, blank)),
      rhythm_(loop, options.sync_every),
      rhythmic_(blank && options.sync_every > Duration(0)) {
}

MountedExt4::~MountedExt4() {
  CHECK(closed_);
}

Task<Status> MountedExt4::begin_new(int image) {
  auto work = [&]() -> Status {
    if (Status loaded = load_image(image, cache_); !loaded) return loaded;
    Result<std::unique_ptr<Ext4Filesystem>> opened = Ext4Filesystem::open(cache_, true);
    if (!opened) return opened.error();
    filesystem_ = std::move(opened).value();
    return filesystem_->remove_lost_and_found();
  };
  Status begun = co_await on_fiber<Status>(work);
  if (begun && rhythmic_) {
    rhythm_.start();
    scope_.spawn(write_back_regularly());
  }
  co_return begun;
}

Task<Status> MountedExt4::begin_existing() {
  auto work = [&]() -> Status {
    Result<std::unique_ptr<Ext4Filesystem>> opened = Ext4Filesystem::open(cache_, false);
    if (!opened) return opened.error();
    filesystem_ = std::move(opened).value();
    return {};
  };
  Status begun = co_await on_fiber<Status>(work);
  co_return begun;
}

std::uint64_t MountedExt4::free_bytes() const {
  CHECK(filesystem_ != nullptr);
  return filesystem_->free_bytes();
}

Task<void> MountedExt4::write_back_regularly() {
  while (!closing_ && !cache_.failure()) {
    co_await rhythm_.beat.wait();
    rhythm_.beat.reset();
    if (closing_) break;
    // A failure stays in the cache, where every later call finds it.
    [[maybe_unused]] const Status synced = co_await sync();
  }
}

Task<Result<NodeId>> MountedExt4::make_directory(NodeId parent, const std::string& name,
                                                 const Attributes& attributes) {
  auto work = [&] { return filesystem_->make_directory(number_of(parent), name, attributes); };
  const Result<ext2_ino_t> made = co_await on_fiber<Result<ext2_ino_t>>(work);
  co_return node_of(made);
}

Task<Result<NodeId>> MountedExt4::create_file(NodeId parent, const std::string& name,
                                              const Attributes& attributes,
                                              std::span<const DataRange> ranges,
                                              std::uint32_t file) {
  if (open_files_.full())
    co_return Error{ErrorKind::refused, EMFILE, "too many files are being written at once"};
  std::unique_ptr<OpenFile> opened = open_files_.unused();
  auto work = [&] {
    return filesystem_->create_file(number_of(parent), name, attributes, ranges, opened->layout);
  };
  const Result<ext2_ino_t> made = co_await on_fiber<Result<ext2_ino_t>>(work);
  if (!made) {
    open_files_.keep(std::move(opened));
    co_return made.error();
  }
  opened->number = *made;
  opened->watch_number = file;
  for (const FileExtent& extent : opened->layout.extents) opened->blocks += extent.blocks;
  open_files_.add(std::move(opened));
  co_return NodeId{*made};
}

Task<Status> MountedExt4::write(NodeId node, std::uint64_t offset,
                                std::span<const std::byte> data) {
  OpenFile* file = open_files_.find(number_of(node));
  if (file == nullptr) co_return not_open_for_writing();
  const std::uint64_t block_bytes = cache_.block_bytes();
  if (offset % block_bytes != 0)
    co_return Error{ErrorKind::invalid_input, EINVAL, "a write does not begin with a block"};
  std::size_t done = 0;
  while (done < data.size()) {
    const std::uint64_t logical = (offset + done) / block_bytes;
    const FileExtent* extent = file->find(logical);
    if (extent == nullptr)
      co_return Error{ErrorKind::invalid_input, EINVAL,
                      "a write lies outside the file's data ranges"};
    const std::uint64_t within = logical - extent->logical;
    const std::uint64_t room = (extent->blocks - within) * block_bytes;
    const std::size_t bytes = std::min<std::uint64_t>(room, data.size() - done);
    const std::size_t taken = cache_.put_data((extent->physical + within) * block_bytes,
                                              data.subspan(done, bytes), file->watch_number);
    if (taken == 0) {
      const Status waited = co_await cache_.wait_for_room();
      if (!waited) co_return waited;
      continue;
    }
    file->note_written(logical, (taken + block_bytes - 1) / block_bytes);
    done += taken;
  }
  co_return Status();
}

Task<Status> MountedExt4::finish_file(NodeId node) {
  std::unique_ptr<OpenFile> file = open_files_.remove(number_of(node));
  if (file == nullptr) co_return not_open_for_writing();
  Status finished;
  if (file->blocks_written < file->blocks) {
    auto work = [&] {
      return filesystem_->leave_unwritten(file->number, file->layout, file->written);
    };
    finished = co_await on_fiber<Status>(work);
    layouts_.place(file->number);
  }
  if (cache_.failure()) finished = *cache_.failure();
  open_files_.keep(std::move(file));
  co_return finished;
}

Task<Status> MountedExt4::link(NodeId node, NodeId parent, const std::string& name) {
  auto work = [&] { return filesystem_->link(number_of(node), number_of(parent), name); };
  Status linked = co_await on_fiber<Status>(work);
  co_return linked;
}

Task<Result<NodeId>> MountedExt4::make_symlink(NodeId parent, const std::string& name,
                                               const std::string& target,
                                               const Attributes& attributes) {
  auto work = [&] {
    return filesystem_->make_symlink(number_of(parent), name, target, attributes);
  };
  const Result<ext2_ino_t> made = co_await on_fiber<Result<ext2_ino_t>>(work);
  co_return node_of(made);
}

Task<Result<NodeId>> MountedExt4::make_special(NodeId parent, const std::string& name,
                                               const Attributes& attributes) {
  auto work = [&] { return filesystem_->make_special(number_of(parent), name, attributes); };
  const Result<ext2_ino_t> made = co_await on_fiber<Result<ext2_ino_t>>(work);
  co_return node_of(made);
}

Task<Status> MountedExt4::set_attributes(NodeId node, const Attributes& attributes) {
  auto work = [&] { return filesystem_->set_attributes(number_of(node), attributes); };
  Status set = co_await on_fiber<Status>(work);
  co_return set;
}

Task<Status> MountedExt4::sync() {
  auto work = [&] { return filesystem_->flush(); };
  const Status flushed = co_await on_fiber<Status>(work);
  if (!flushed) co_return flushed;
  Status synced = co_await cache_.sync();
  co_return synced;
}

Task<Status> MountedExt4::close() {
  CHECK(!closed_);
  closing_ = true;
  rhythm_.disarm();
  rhythm_.beat.set();
  co_await scope_.join();
  Status closed;
  while (filesystem_ != nullptr && !open_files_.all().empty()) {
    const NodeId left{open_files_.all().back()->number};
    [[maybe_unused]] const Status finished = co_await finish_file(left);
  }
  if (filesystem_ != nullptr) closed = co_await sync();
  auto free = [&] { filesystem_.reset(); };
  co_await fiber_->run(free);
  closed_ = true;
  co_return closed;
}

}  // namespace holdfast::initiator
