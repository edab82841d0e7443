// How the bytes of files go to an NFS server and come back.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/runtime/scope.h"
#include "initiator/tree/nfs_tree.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t set_id_bits = S_ISUID | S_ISGID;

Error lost_writes() {
  return Error{ErrorKind::protocol, EIO,
               "commit: the server has restarted or failed over meanwhile (its write verifier changed): what it "
               "had not committed is lost"};
}

}  // namespace

Task<Result<NodeId>> NfsTree::create_file(NodeId parent, const std::string& name, const Attributes& attributes,
                                          std::span<const DataRange> ranges, std::uint32_t) {
  Result<NfsTreeNode*> directory = node_at(parent, "create");
  if (!directory) co_return directory.error();
  std::uint64_t data_bytes = 0;
  for (const DataRange& range : ranges) data_bytes += range.bytes;
  if (data_bytes > free_bytes_)
    co_return Error{ErrorKind::out_of_space, ENOSPC,
                    fmt::format("create: the file has {} bytes, and {} are free", data_bytes, free_bytes_)};
  auto file = std::make_unique<NfsOpenFile>();
  file->wanted = attributes;
  file->wanted.xattrs.clear();
  file->at_once = ranges.size() == 1 && data_bytes <= limits_.write_bytes_max;
  NfsChange change;
  change.values = file->wanted;
  change.values.mode &= ~set_id_bits;  // Writing would take them away again.
  change.mode = true;
  change.owner = options_.findings->owners.empty();
  change.times = ranges.empty();
  change.size = ranges.empty() && attributes.bytes != 0;
  const NfsHandle& place = (*directory)->node.handle;
  const std::uint32_t reconnects = session_->connection().reconnects();
  Result<NfsNode> made = co_await protocol_.create(place, name, change, file->open);
  // Version 4's open is counted, and answered again as it was; version 3 has nothing that stays open.
  if (!made && made.error().code == EEXIST && came_back_since(reconnects) && session_->url().version == 3) {
    Result<NfsNode> before = co_await made_before(place, name, S_IFREG, made.error());
    made = std::move(before);
  }
  if (!made) co_return noted(made.error());
  file->facts = made->facts;
  const NodeId id = nodes_.add(std::move(made).value(), place, name);
  nodes_.find(id)->open = std::move(file);
  co_return id;
}

Task<Status> NfsTree::write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) {
  Result<NfsTreeNode*> found = node_at(file, "write");
  if (!found) co_return found.error();
  if ((*found)->open == nullptr) co_return Error{ErrorKind::invalid_input, EBADF, "write: the file is not open"};
  const NfsHandle& handle = (*found)->node.handle;
  NfsOpenFile& open = *(*found)->open;
  if (data.empty()) co_return Status();
  for (const DataRange& range : open.lingering) {
    if (offset >= range.offset + range.bytes || range.offset >= offset + data.size()) continue;
    const Error error{ErrorKind::system, EIO,
                      "write: what was written there before had to be sent again after the connection broke, and its "
                      "first sending may still come, on top of this"};
    co_return noted(error);
  }
  open.wrote = true;
  open.written_end = std::max(open.written_end, offset + data.size());
  Status written;
  if (data.size() <= limits_.write_bytes_max) {
    Status done = co_await write_piece(handle, open, offset, data);
    written = std::move(done);
  } else {
    const std::size_t piece = limits_.write_bytes_max;
    std::vector<Status> outcomes((data.size() + piece - 1) / piece);
    Scope scope;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const std::span<const std::byte> part = data.subspan(i * piece, std::min(piece, data.size() - i * piece));
      scope.spawn(write_beside(handle, open, offset + i * piece, part, outcomes[i]));
    }
    co_await scope.join();
    for (Status& outcome : outcomes)
      if (!outcome && written) written = std::move(outcome);
  }
  if (!written) co_return noted(written.error());
  co_return written;
}

Task<void> NfsTree::write_beside(const NfsHandle& handle, NfsOpenFile& file, std::uint64_t offset,
                                 std::span<const std::byte> data, Status& status) {
  Status written = co_await write_piece(handle, file, offset, data);
  status = std::move(written);
}

/// A server may take less than it was sent.
Task<Status> NfsTree::write_piece(const NfsHandle& handle, NfsOpenFile& file, std::uint64_t offset,
                                  std::span<const std::byte> data) {
  while (!data.empty()) {
    Result<NfsWritten> written = co_await protocol_.write(handle, file.open, offset, data, file.at_once);
    if (!written) co_return written.error();
    if (written->bytes == 0 || written->bytes > data.size())
      co_return Error{ErrorKind::protocol, EPROTO,
                      fmt::format("write: the server took {} bytes of {}", written->bytes, data.size())};
    file.note(*written);
    if (written->sent_again) file.lingering.push_back({.offset = offset, .bytes = written->bytes});
    offset += written->bytes;
    data = data.subspan(written->bytes);
  }
  co_return Status();
}

Task<Status> NfsTree::finish_file(NodeId file) {
  Result<NfsTreeNode*> found = node_at(file, "finish the file");
  if (!found) co_return found.error();
  if ((*found)->open == nullptr)
    co_return Error{ErrorKind::invalid_input, EBADF, "finish the file: the file is not open"};
  Status finished = co_await finish(**found);
  if (!finished) co_return noted(finished.error());
  co_return finished;
}

Task<Status> NfsTree::finish(NfsTreeNode& node) {
  const std::unique_ptr<NfsOpenFile> file = std::move(node.open);
  NfsChange change = difference(file->facts, file->wanted, true);
  change.times |= file->wrote;
  change.size = file->wanted.bytes != std::max(file->written_end, file->facts.attributes.bytes);
  const bool commit = file->uncommitted;
  Result<NfsFinished> finished = co_await protocol_.finish(node.node.handle, file->open, commit, change);
  if (!finished) co_return finished.error();
  if (finished->verifier) file->note(*finished->verifier);
  if (file->forgotten) co_return lost_writes();
  if (!finished->facts) co_return Status();
  Status settled = co_await settle(node.node.handle, *finished->facts, file->wanted, true);
  co_return settled;
}

/// Metadata is on the medium when the server answers; only data may wait for a COMMIT.
Task<Status> NfsTree::commit_open_files() {
  std::vector<NodeId> waiting;
  for (const auto& [id, node] : nodes_.all())
    if (node.open != nullptr && node.open->uncommitted) waiting.push_back(id);
  for (const NodeId id : waiting) {
    NfsTreeNode* node = nodes_.find(id);
    if (node == nullptr || node->open == nullptr) continue;
    node->open->uncommitted = false;  // What is written from now on needs a COMMIT of its own.
    Result<NfsVerifier> verifier = co_await protocol_.commit(node->node.handle);
    if (!verifier) co_return verifier.error();
    node = nodes_.find(id);
    if (node == nullptr || node->open == nullptr) continue;
    node->open->note(*verifier);
    if (node->open->forgotten) co_return lost_writes();
  }
  co_return Status();
}

Task<Result<std::size_t>> NfsTree::read(NodeId node, std::uint64_t offset, std::span<std::byte> data,
                                        std::uint32_t) {
  Result<NfsTreeNode*> found = node_at(node, "read");
  if (!found) co_return found.error();
  const NfsHandle& handle = (*found)->node.handle;
  const std::size_t piece = limits_.read_bytes_max;
  if (data.size() <= piece) {
    Result<std::size_t> got = co_await read_piece(handle, offset, data);
    if (!got) co_return noted(got.error());
    co_return got;
  }
  std::vector<Result<std::size_t>> outcomes((data.size() + piece - 1) / piece, std::size_t{0});
  Scope scope;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const std::span<std::byte> part = data.subspan(i * piece, std::min(piece, data.size() - i * piece));
    scope.spawn(read_beside(handle, offset + i * piece, part, outcomes[i]));
  }
  co_await scope.join();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < outcomes.size() && bytes == i * piece; ++i) {
    if (!outcomes[i]) co_return noted(outcomes[i].error());
    bytes += *outcomes[i];
  }
  co_return bytes;
}

Task<void> NfsTree::read_beside(const NfsHandle& handle, std::uint64_t offset, std::span<std::byte> data,
                                Result<std::size_t>& result) {
  Result<std::size_t> got = co_await read_piece(handle, offset, data);
  result = std::move(got);
}

/// A server may send less than was asked for.
Task<Result<std::size_t>> NfsTree::read_piece(const NfsHandle& handle, std::uint64_t offset,
                                              std::span<std::byte> data) {
  std::size_t bytes = 0;
  while (bytes < data.size()) {
    const std::span<std::byte> rest = data.subspan(bytes);
    Result<NfsReadPiece> got = co_await protocol_.read(handle, offset + bytes, rest);
    if (!got) co_return got.error();
    bytes += got->bytes;
    if (got->at_end || got->bytes == 0) break;
  }
  co_return bytes;
}

}  // namespace holdfast::initiator
