#include "initiator/tree/ext4_channel.h"

#include <cstddef>
#include <ext2fs/ext2_io.h>
#include <memory>
#include <span>
#include <utility>

// libext2fs meets a device through an io_manager: a table of functions, and a channel per device.

namespace holdfast::initiator {
namespace {

// The manager's `open` is given a name and nothing else; the cache that is meant waits here.
thread_local WriteBackCache* opening = nullptr;

char channel_name[] = "holdfast";

WriteBackCache& cache_of(io_channel channel) {
  return *static_cast<WriteBackCache*>(channel->private_data);
}

errcode_t close_channel(io_channel channel) {
  if (--channel->refcount == 0) delete channel;
  return 0;
}

errcode_t set_block_size(io_channel channel, int bytes) {
  channel->block_size = bytes;
  return 0;
}

/// A negative count is in bytes.
std::size_t bytes_of(io_channel channel, int count) {
  return count < 0
             ? static_cast<std::size_t>(-count)
             : static_cast<std::size_t>(count) * static_cast<std::size_t>(channel->block_size);
}

errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
  const std::span<std::byte> into(static_cast<std::byte*>(data), bytes_of(channel, count));
  return cache_of(channel).read(block * static_cast<unsigned>(channel->block_size), into);
}

errcode_t write_blocks(io_channel channel, unsigned long long block, int count, const void* data) {
  const std::span<const std::byte> from(static_cast<const std::byte*>(data),
                                        bytes_of(channel, count));
  return cache_of(channel).write(block * static_cast<unsigned>(channel->block_size), from);
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data) {
  return read_blocks(channel, block, count, data);
}

errcode_t write_blocks_32(io_channel channel, unsigned long block, int count, const void* data) {
  return write_blocks(channel, block, count, data);
}

errcode_t write_bytes(io_channel channel, unsigned long offset, int count, const void* data) {
  const std::span<const std::byte> from(static_cast<const std::byte*>(data),
                                        static_cast<std::size_t>(count));
  return cache_of(channel).write(offset, from);
}

// When the cache writes is its own affair: the tree syncs it, in the kernel's order.
errcode_t flush_channel(io_channel) {
  return 0;
}

errcode_t open_channel(const char* name, int flags, io_channel* channel);

struct_io_manager make_manager() {
  struct_io_manager manager{};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = channel_name;
  manager.open = &open_channel;
  manager.close = &close_channel;
  manager.set_blksize = &set_block_size;
  manager.read_blk = &read_blocks_32;
  manager.write_blk = &write_blocks_32;
  manager.flush = &flush_channel;
  manager.write_byte = &write_bytes;
  manager.read_blk64 = &read_blocks;
  manager.write_blk64 = &write_blocks;
  return manager;
}

struct_io_manager manager = make_manager();

errcode_t open_channel(const char*, int, io_channel* channel) {
  auto made = std::make_unique<struct_io_channel>();
  made->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  made->manager = &manager;
  made->name = channel_name;
  made->block_size = 1024;
  made->refcount = 1;
  made->private_data = std::exchange(opening, nullptr);
  *channel = made.release();
  return 0;
}

}  // namespace

errcode_t open_through_cache(WriteBackCache& cache, int flags, ext2_filsys* filesystem) {
  opening = &cache;
  return ::ext2fs_open2(channel_name, nullptr, flags, 0, 0, &manager, filesystem);
}

}  // namespace holdfast::initiator
