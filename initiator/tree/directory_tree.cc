#include "initiator/tree/directory_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "initiator/device/deadline.h"
#include "initiator/tree/directory_errors.h"
#include "initiator/tree/directory_parts.h"

namespace holdfast::initiator {
namespace {

/// After everything was given up, what is not stuck is put away within this time.
constexpr Duration putting_away = std::chrono::milliseconds(300);

}  // namespace

Task<Result<std::unique_ptr<Tree>>> DirectoryTree::make(Loop& loop, std::string path, Duration deadline,
                                                        StuckIn* stuck_in) {
  Result<std::unique_ptr<Tree>> tree = co_await start(loop, std::move(path), true, deadline, stuck_in);
  co_return tree;
}

Task<Result<std::unique_ptr<Tree>>> DirectoryTree::open(Loop& loop, std::string path, Duration deadline,
                                                        StuckIn* stuck_in) {
  Result<std::unique_ptr<Tree>> tree = co_await start(loop, std::move(path), false, deadline, stuck_in);
  co_return tree;
}

Task<Result<std::unique_ptr<Tree>>> DirectoryTree::start(Loop& loop, std::string path, bool for_writing,
                                                         Duration deadline, StuckIn* stuck_in) {
  auto parts = std::make_unique<Parts>();
  Result<std::unique_ptr<BlockingCrew>> crew = BlockingCrew::create(loop, calls_at_once);
  if (!crew) co_return crew.error();
  parts->crew = std::move(crew).value();
  Result<std::unique_ptr<BlockingCrew>> lock_crew = BlockingCrew::create(loop, locks_at_once);
  if (!lock_crew) co_return lock_crew.error();
  parts->lock_crew = std::move(lock_crew).value();

  std::unique_ptr<DirectoryTree> tree(new DirectoryTree(loop, std::move(parts)));
  DirectoryCalls& calls = tree->parts_->calls;
  auto work = [path, for_writing](CallSite& site) { return open_directory(path, for_writing, site); };
  auto call = calls.start(*tree->parts_->crew, std::move(work));
  if (stuck_in != nullptr) *stuck_in = [&calls] { return calls.oldest(clock_now()); };
  Deadline limit(loop, calls.came_back(), clock_now() + deadline);
  while (!calls.idle() && !limit.passed()) {
    calls.came_back().reset();
    co_await calls.came_back().wait();
  }
  if (stuck_in != nullptr) *stuck_in = nullptr;
  if (!calls.idle()) {
    const std::string stuck = calls.oldest(clock_now());
    calls.abandon();
    co_return Error{ErrorKind::timed_out, ETIMEDOUT, fmt::format("{} does not answer{}", path, stuck.empty() ? "" : ": " + stuck)};
  }
  Result<OpenedDirectory> found = call->take();
  if (!found) co_return found.error();
  tree->found_ = std::move(found).value();
  tree->writes_ = for_writing;
  tree->parts_->abilities = tree->found_.abilities;
  Place root = std::make_shared<DirectoryPlace>(nullptr, "", S_IFDIR);
  root->gives_acl = tree->found_.gives_acl;
  tree->parts_->places.set_root(root, std::move(tree->found_.fd));
  tree->add(std::move(root));
  std::unique_ptr<Tree> started = std::move(tree);
  co_return started;
}

DirectoryTree::DirectoryTree(Loop& loop, std::unique_ptr<Parts> parts) : loop_(loop), parts_(std::move(parts)) {}

DirectoryTree::~DirectoryTree() {
  if (drained()) return;
  // A thread is in the kernel with these, perhaps for ever.
  static_cast<void>(parts_.release());
}

WireUse DirectoryTree::wire() const {
  return {.requests = parts_->calls.system_calls(), .bytes_sent = 0, .bytes_received = 0};
}

void DirectoryTree::note(const Error& error) {
  if (error.kind == ErrorKind::cancelled) return;
  last_error_ = error.message;
  lost_ |= error.kind == ErrorKind::peer_closed;
  if (lost_ || (writes_ && error.kind == ErrorKind::system)) failure_ = error;
}

const Place& DirectoryTree::place_of(NodeId node) const {
  const auto found = nodes_.find(node);
  CHECK(found != nodes_.end());
  return found->second.place;
}

Place DirectoryTree::place_in(NodeId parent, const std::string& name, std::uint32_t type) const {
  return std::make_shared<DirectoryPlace>(place_of(parent), name, type & S_IFMT);
}

/// What of the attributes the place can hold.
Attributes DirectoryTree::kept(const Attributes& attributes) const {
  Attributes kept = attributes;
  if (!kept.xattrs.empty()) kept.xattrs = kept_there(attributes.xattrs, parts_->abilities);
  return kept;
}

NodeId DirectoryTree::add(Place place) {
  const NodeId node{next_node_++};
  nodes_[node].place = std::move(place);
  return node;
}

void DirectoryTree::forget(NodeId node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || node == root_node) return;
  // An unfinished or a locked file has a descriptor, which is closed on a thread, by `close`.
  if (found->second.writing == nullptr && found->second.locking == nullptr) nodes_.erase(found);
}

Task<Status> DirectoryTree::sync() {
  auto work = [parts = parts_.get(), root = place_of(root_node), fsync = found_.sync_each_file](CallSite& site) -> Status {
    Result<SharedFd> fd = parts->places.open(root, site);
    if (!fd) return fd.error();
    site.enter("syncfs");
    if (::syncfs((*fd)->get()) != 0) return directory_error(errno, "sync the filesystem");
    if (!fsync) return {};
    site.enter("fsync");
    if (::fsync((*fd)->get()) != 0 && errno != EINVAL) return directory_error(errno, "sync the directory");
    return {};
  };
  Status synced = co_await perform(std::move(work));
  co_return synced;
}

std::string DirectoryTree::stuck_in() const {
  return parts_ == nullptr ? std::string() : parts_->calls.oldest(clock_now());
}

void DirectoryTree::abandon() { parts_->calls.abandon(); }

bool DirectoryTree::drained() const { return parts_ == nullptr || parts_->calls.idle(); }

Task<Status> DirectoryTree::finish_unfinished() {
  std::vector<NodeId> unfinished;
  for (const auto& [id, node] : nodes_)
    if (node.writing != nullptr) unfinished.push_back(id);
  Status status;
  for (const NodeId id : unfinished) {
    Status finished = co_await finish_file(id);
    if (status) status = std::move(finished);
  }
  co_return status;
}

Task<Status> DirectoryTree::close() {
  if (std::exchange(closed_, true)) co_return failure_;
  Status status = failure_;
  if (status && !parts_->calls.abandoned()) {
    Status finished = co_await finish_unfinished();
    status = std::move(finished);
  }
  auto put_away = [parts = parts_.get(), nodes = std::move(nodes_), left = parts_->calls.take_given_up()](
                      CallSite& site) mutable -> Status {
    site.enter("close");
    left.clear();
    nodes.clear();
    parts->places.close_all();
    return {};
  };
  nodes_.clear();
  auto call = parts_->calls.start_anyway(*parts_->crew, std::move(put_away));
  if (!parts_->calls.abandoned()) co_await call->wait();
  if (!parts_->calls.abandoned()) co_return status;
  // Given up before or meanwhile: what is stuck is not waited for.
  Event& came_back = parts_->calls.came_back();
  Deadline limit(loop_, came_back, clock_now() + putting_away);
  while (!parts_->calls.idle() && !limit.passed()) {
    came_back.reset();
    co_await came_back.wait();
  }
  co_return Error{ErrorKind::cancelled, ECANCELED, "close: given up"};
}

}  // namespace holdfast::initiator
