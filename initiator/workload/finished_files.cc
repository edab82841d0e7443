#include "initiator/workload/finished_files.h"

#include <algorithm>
#include <array>
#include <utility>
#include <xxhash.h>

namespace holdfast::initiator {
namespace {

std::uint64_t hash_of(std::span<const std::byte> block) {
  return XXH3_64bits(block.data(), block.size());
}

/// `data` block by block, the last one as long as it is.
std::span<const std::byte> block_at(std::span<const std::byte> data, std::size_t at) {
  return data.subspan(at, std::min<std::size_t>(FinishedFile::block_bytes, data.size() - at));
}

}  // namespace

FinishedFile::FinishedFile(Tree& tree, std::string path, std::uint64_t bytes, std::uint32_t number)
    : tree_(tree), path_(std::move(path)), bytes_(bytes), number_(number) {
  static constexpr std::array<std::byte, block_bytes> zeros{};
  const std::uint64_t blocks = (bytes + block_bytes - 1) / block_bytes;
  hashes_.assign(static_cast<std::size_t>(std::min(blocks, blocks_known_max)), hash_of(zeros));
  const std::uint64_t tail = bytes % block_bytes;
  if (tail > 0 && blocks <= blocks_known_max) hashes_.back() = hash_of(std::span(zeros).first(tail));
}

FinishedFile::~FinishedFile() {
  if (node_) tree_.forget(*node_);
}

void FinishedFile::note(std::uint64_t offset, std::span<const std::byte> data) {
  auto block = static_cast<std::size_t>(offset / block_bytes);
  for (std::size_t at = 0; at < data.size() && block < hashes_.size(); at += block_bytes)
    hashes_[block++] = hash_of(block_at(data, at));
}

std::optional<std::uint64_t> FinishedFile::first_difference(std::uint64_t offset,
                                                            std::span<const std::byte> data) const {
  auto block = static_cast<std::size_t>(offset / block_bytes);
  for (std::size_t at = 0; at < data.size() && block < hashes_.size(); at += block_bytes, ++block)
    if (hash_of(block_at(data, at)) != hashes_[block]) return offset + at;
  return std::nullopt;
}

bool FinishedFiles::wants_next() {
  ++offered_;
  return offered_ <= most_ || random_() % offered_ < most_;
}

void FinishedFiles::add(std::unique_ptr<FinishedFile> file, NodeId node) {
  file->finish(node);
  if (files_.size() < most_)
    files_.push_back(std::move(file));
  else
    files_[random_() % most_] = std::move(file);
  arrived_.pulse();
}

std::shared_ptr<FinishedFile> FinishedFiles::pick(std::mt19937_64& random, std::size_t among) const {
  return files_[random() % std::min(among, files_.size())];
}

}  // namespace holdfast::initiator
