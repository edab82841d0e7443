#include "initiator/tree/mounted_ext4.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/ext4_format.h"

namespace holdfast::initiator {
namespace {

ext2_ino_t number_of(NodeId node) { return static_cast<ext2_ino_t>(node); }

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
      rhythmic_(blank && options.sync_every > Duration(0)) {}

MountedExt4::~MountedExt4() { CHECK(closed_); }

template <typename Answer>
Answer MountedExt4::explained(Answer answer) const {
  // libext2fs knows an I/O error as a number; the cache knows the words.
  if (!answer && cache_.failure()) return *cache_.failure();
  return answer;
}

template <typename Answer, typename Work>
Task<Answer> MountedExt4::on_fiber(Work& work) {
  CHECK(!closed_);
  if (cache_.failure()) co_return *cache_.failure();
  std::optional<Answer> answer;
  auto job = [&] { answer.emplace(work()); };
  co_await fiber_->run(job);
  co_return explained(std::move(*answer));
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

Task<void> MountedExt4::write_back_regularly() {
  while (!closing_ && !cache_.failure()) {
    co_await rhythm_.beat.wait();
    rhythm_.beat.reset();
    if (closing_) break;
    // A failure stays in the cache, where every later call finds it.
    [[maybe_unused]] const Status synced = co_await sync();
  }
}

// Writing.

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

Task<Status> MountedExt4::write(NodeId node, std::uint64_t offset, std::span<const std::byte> data) {
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
      co_return Error{ErrorKind::invalid_input, EINVAL, "a write lies outside the file's data ranges"};
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
    auto work = [&] { return filesystem_->leave_unwritten(file->number, file->layout, file->written); };
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
  auto work = [&] { return filesystem_->make_symlink(number_of(parent), name, target, attributes); };
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

// Reading.

Task<Result<std::vector<DirectoryEntry>>> MountedExt4::read_directory(NodeId directory) {
  using Answer = Result<std::vector<DirectoryEntry>>;
  auto work = [&] { return filesystem_->read_directory(number_of(directory)); };
  Answer read = co_await on_fiber<Answer>(work);
  co_return read;
}

Task<Result<Attributes>> MountedExt4::read_attributes(NodeId node) {
  auto work = [&] { return filesystem_->read_attributes(number_of(node)); };
  Result<Attributes> read = co_await on_fiber<Result<Attributes>>(work);
  co_return read;
}

Task<Result<std::string>> MountedExt4::read_link(NodeId node) {
  auto work = [&] { return filesystem_->read_link(number_of(node)); };
  Result<std::string> read = co_await on_fiber<Result<std::string>>(work);
  co_return read;
}

Task<Status> MountedExt4::fill_window(ext2_ino_t number, std::uint64_t block) {
  std::uint64_t bytes = 0;
  bool complete = false;
  std::vector<FileExtent> extents;
  auto work = [&] {
    return filesystem_->read_layout(number, block, LayoutCache::extents_max, bytes, extents, complete);
  };
  const Status read = co_await on_fiber<Status>(work);
  if (!read) co_return read;
  LayoutWindow& window = layouts_.place(number);
  window.bytes = bytes;
  window.from = block;
  window.end = complete ? std::numeric_limits<std::uint64_t>::max()
                        : extents.back().logical + extents.back().blocks;
  window.extents = std::move(extents);
  co_return Status();
}

std::size_t MountedExt4::plan(const LayoutWindow& window, std::uint64_t offset,
                              std::span<std::byte> into,
                              std::vector<WriteBackCache::ReadPiece>& pieces) const {
  const std::uint64_t block_bytes = cache_.block_bytes();
  std::size_t planned = 0;
  auto extent = std::partition_point(
      window.extents.begin(), window.extents.end(), [&](const FileExtent& one) {
        return (one.logical + one.blocks) * block_bytes <= offset;
      });
  while (planned < into.size() && window.knows((offset + planned) / block_bytes)) {
    const std::uint64_t at = offset + planned;
    const std::size_t left = into.size() - planned;
    if (extent == window.extents.end() || at < extent->logical * block_bytes || !extent->written) {
      // A hole, up to the next extent; or space that is laid out and reads as zeros.
      std::uint64_t end = window.end > at / block_bytes + left ? at + left : window.end * block_bytes;
      if (extent != window.extents.end())
        end = at < extent->logical * block_bytes ? extent->logical * block_bytes
                                                 : (extent->logical + extent->blocks) * block_bytes;
      const std::size_t zeros = std::min<std::uint64_t>(left, end - at);
      std::memset(into.data() + planned, 0, zeros);
      planned += zeros;
    } else {
      const std::uint64_t end = (extent->logical + extent->blocks) * block_bytes;
      const std::size_t bytes = std::min<std::uint64_t>(left, end - at);
      const std::uint64_t from = extent->physical * block_bytes + (at - extent->logical * block_bytes);
      pieces.push_back({from, into.subspan(planned, bytes)});
      planned += bytes;
    }
    while (extent != window.extents.end() &&
           (extent->logical + extent->blocks) * block_bytes <= offset + planned)
      ++extent;
  }
  return planned;
}

Task<Result<std::size_t>> MountedExt4::read(NodeId node, std::uint64_t offset,
                                            std::span<std::byte> data, std::uint32_t file) {
  const std::uint64_t block_bytes = cache_.block_bytes();
  if (offset % block_bytes != 0)
    co_return Error{ErrorKind::invalid_input, EINVAL, "a read does not begin with a block"};
  std::size_t done = 0;
  std::vector<WriteBackCache::ReadPiece> pieces;
  while (done < data.size()) {
    const LayoutWindow* window = layouts_.find(number_of(node), (offset + done) / block_bytes);
    if (window == nullptr) {
      const Status filled = co_await fill_window(number_of(node), (offset + done) / block_bytes);
      if (!filled) co_return filled.error();
      continue;
    }
    if (offset + done >= window->bytes) break;
    const std::size_t bytes = std::min<std::uint64_t>(data.size() - done, window->bytes - offset - done);
    pieces.clear();
    const std::size_t planned = plan(*window, offset + done, data.subspan(done, bytes), pieces);
    const Status read = co_await cache_.read_data(pieces, file);
    if (!read) co_return read.error();
    done += planned;
  }
  co_return done;
}

Task<Result<std::vector<DataRange>>> MountedExt4::read_data_ranges(NodeId node) {
  std::vector<DataRange> ranges;
  const std::uint64_t block_bytes = cache_.block_bytes();
  std::uint64_t block = 0;
  for (;;) {
    const LayoutWindow* window = layouts_.find(number_of(node), block);
    if (window == nullptr) {
      const Status filled = co_await fill_window(number_of(node), block);
      if (!filled) co_return filled.error();
      continue;
    }
    for (const FileExtent& extent : window->extents) {
      const std::uint64_t first = std::max(extent.logical, block) * block_bytes;
      const std::uint64_t end =
          std::min(window->bytes, (extent.logical + extent.blocks) * block_bytes);
      if (!extent.written || first >= end) continue;
      if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == first)
        ranges.back().bytes += end - first;
      else
        ranges.push_back({first, end - first});
    }
    block = window->end;
    if (block * block_bytes >= window->bytes || block == std::numeric_limits<std::uint64_t>::max())
      break;
  }
  co_return ranges;
}

}  // namespace holdfast::initiator
