#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/event.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// A file that was copied and is used on: by whoever reads or locks it while the copy goes on. The
/// tree forgets its node when the last user is done.
class FinishedFile {
 public:
  static constexpr std::uint64_t block_bytes = 4096;
  /// Of larger files only so many blocks from the start are known by their content.
  static constexpr std::uint64_t blocks_known_max = 4096;

  FinishedFile(Tree& tree, std::string path, std::uint64_t bytes, std::uint32_t number);
  ~FinishedFile();
  FinishedFile(const FinishedFile&) = delete;
  FinishedFile& operator=(const FinishedFile&) = delete;

  /// Notes what was written at `offset`, a multiple of 4096: whole blocks, the file's last one cut at
  /// its end. What is never noted is zeros.
  void note(std::uint64_t offset, std::span<const std::byte> data);
  /// Where `data`, read at `offset`, a multiple of 4096, is not what was written: the start of the
  /// first block that differs. Blocks that are not known are not compared.
  std::optional<std::uint64_t> first_difference(std::uint64_t offset,
                                                std::span<const std::byte> data) const;

  const std::string& path() const { return path_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint32_t number() const { return number_; }
  /// Valid once it is finished.
  NodeId node() const { return *node_; }
  void finish(NodeId node) { node_ = node; }

  /// Byte ranges that one of our own lockers is using, as bits: a session's locks are not kept apart
  /// by whoever grants them.
  std::uint32_t ranges_in_use = 0;

 private:
  Tree& tree_;
  const std::string path_;
  const std::uint64_t bytes_;
  const std::uint32_t number_;
  std::optional<NodeId> node_;
  std::vector<std::uint64_t> hashes_;  // of its blocks
};

/// A fair sample of the files that were finished so far (reservoir sampling), bounded however many
/// there are. The same files in the same order give the same sample.
class FinishedFiles {
 public:
  static constexpr std::size_t files_max = 256;

  FinishedFiles(Tree& tree, std::uint64_t seed, std::size_t most = files_max)
      : tree_(tree), most_(most), random_(seed) {}

  /// Draws whether the file that is about to be written shall be in the sample.
  bool wants_next();
  /// The place of such a file, to be filled while it is written.
  std::unique_ptr<FinishedFile> begin(std::string path, std::uint64_t bytes, std::uint32_t number) {
    return std::make_unique<FinishedFile>(tree_, std::move(path), bytes, number);
  }
  /// Takes it when it is finished.
  void add(std::unique_ptr<FinishedFile> file, NodeId node);

  bool empty() const { return files_.empty(); }
  std::size_t size() const { return files_.size(); }
  /// One of the first `among` files; there must be one.
  std::shared_ptr<FinishedFile> pick(std::mt19937_64& random, std::size_t among = files_max) const;
  /// Pulsed with every file, and by whoever wants those that wait for one to look up.
  Event& arrived() { return arrived_; }

 private:
  Tree& tree_;
  const std::size_t most_;
  std::mt19937_64 random_;
  std::uint64_t offered_ = 0;
  std::vector<std::shared_ptr<FinishedFile>> files_;
  Event arrived_;
};

}  // namespace holdfast::initiator
