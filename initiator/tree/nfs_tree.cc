#include "initiator/tree/nfs_tree.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "initiator/tree/nfs3_values.h"
#include "initiator/tree/rpc_deadline.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t transfer_bytes_least = 512;
constexpr int settle_rounds = 3;
constexpr std::uint32_t probe_owner = 60'001;
constexpr Duration lock_pause_first = std::chrono::milliseconds(10);
constexpr Duration lock_pause_longest = std::chrono::milliseconds(500);

bool concerns_the_node(const Error& error) {
  return error.kind == ErrorKind::refused || error.kind == ErrorKind::out_of_space ||
         error.kind == ErrorKind::invalid_input;
}

bool same_owner(const Attributes& one, const Attributes& other) { return one.uid == other.uid && one.gid == other.gid; }

Attributes with_probe_times(Attributes attributes) {
  attributes.modified = {.seconds = 1'000'000'000, .nanoseconds = 123'456'789};
  attributes.accessed = {.seconds = 1'100'000'000, .nanoseconds = 987'654'321};
  return attributes;
}

Attributes without_xattrs(const Attributes& attributes) {
  Attributes bare = attributes;
  bare.xattrs.clear();
  return bare;
}

}  // namespace

NfsTree::NfsTree(std::unique_ptr<NfsSession> session, Options options)
    : session_(std::move(session)), protocol_(session_->protocol()), options_(std::move(options)) {
  root_ = nodes_.add(session_->root(), NfsHandle(), std::string());
}

NfsTree::~NfsTree() = default;

Task<Result<std::unique_ptr<Tree>>> NfsTree::open(Loop& loop, NfsUrl url, Options options) {
  const Instant deadline = clock_now() + options.open_deadline;
  Result<std::unique_ptr<NfsSession>> session =
      co_await NfsSession::open(loop, std::move(url), options.writable, deadline);
  if (!session) co_return session.error();
  std::unique_ptr<NfsTree> tree(new NfsTree(std::move(session).value(), std::move(options)));
  Status begun;
  {
    RpcDeadline limit(loop, tree->session_->connection(), deadline);
    Status done = co_await tree->begin();
    begun = std::move(done);
  }
  if (begun) {
    tree->session_->connection().seek_again(tree->options_.reconnect, tree->options_.listener);
    co_return std::unique_ptr<Tree>(std::move(tree));
  }
  co_await tree->session_->close();
  co_return begun.error();
}

Task<Status> NfsTree::begin() {
  const NfsHandle& handle = session_->root().handle;
  Result<NfsLimits> limits = co_await protocol_.limits(handle);
  if (!limits) co_return limits.error();
  limits_ = *limits;
  const std::uint32_t most = session_->url().transfer_bytes;
  limits_.read_bytes_max = std::clamp(limits_.read_bytes_max, transfer_bytes_least, most);
  limits_.write_bytes_max = std::clamp(limits_.write_bytes_max, transfer_bytes_least, most);
  Result<std::uint64_t> free = co_await protocol_.free_bytes(handle);
  if (!free) co_return free.error();
  free_bytes_ = *free;
  if (!options_.writable) co_return Status();
  Status ready = co_await begin_writing();
  co_return ready;
}

Task<Status> NfsTree::begin_writing() {
  const NfsUrl& url = session_->url();
  const NfsHandle& handle = session_->root().handle;
  if (!session_->root_is_new()) {
    Result<std::vector<NfsEntry>> entries = co_await protocol_.read_directory(handle);
    if (!entries) co_return entries.error();
    if (!entries->empty())
      co_return Error{ErrorKind::invalid_input, ENOTEMPTY,
                      fmt::format("{} on {} is not empty: '{}' is in it; name a new directory or an empty one",
                                  url.path, url.host, entries->front().name)};
  }
  Status probed = co_await probe();
  if (probed) co_return probed;
  Error error = probed.error();
  const bool denied = error.code == EROFS || error.code == EACCES || error.code == EPERM;
  error.message = fmt::format("{} on {} cannot be written to: {}{}", url.path, url.host, error.message,
                              denied ? "; does the server export it for writing, to this host and user?" : "");
  co_return error;
}

/// Makes a file and removes it again: so it is known before the copy whether it may write, and what the
/// server does not keep.
Task<Status> NfsTree::probe() {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) random = 1;
  const std::string name = fmt::format(".holdfast-probe-{:016x}", random);
  Status file = co_await probe_file(name);
  if (!file) co_return file;
  Status symlink = co_await probe_symlink(name);
  co_return symlink;
}

Task<Status> NfsTree::probe_file(const std::string& name) {
  const NfsHandle& parent = session_->root().handle;
  NfsChange change;
  change.values.mode = S_IFREG | 0600;
  change.mode = true;
  NfsOpen open;
  Result<NfsNode> made = co_await protocol_.create(parent, name, change, open);
  if (!made) co_return made.error();
  Status used = co_await use_probe(*made, open);
  Status removed = co_await protocol_.remove(parent, name);
  if (!used) co_return used;
  co_return removed;
}

/// A server without symlinks is no failure: the copy will say which it could not make.
Task<Status> NfsTree::probe_symlink(const std::string& name) {
  const NfsHandle& parent = session_->root().handle;
  const std::string target = "nowhere";
  NfsChange change;
  change.values.mode = S_IFLNK | 0777;
  Result<NfsNode> made = co_await protocol_.make(parent, name, change, target);
  if (!made) co_return concerns_the_node(made.error()) ? Status() : Status(made.error());
  const Attributes wanted = with_probe_times(made->facts.attributes);
  Status settled = co_await settle(made->handle, made->facts, wanted, true);
  Status removed = co_await protocol_.remove(parent, name);
  if (!settled && !concerns_the_node(settled.error())) co_return settled;
  co_return removed;
}

Task<Status> NfsTree::use_probe(NfsNode probe, NfsOpen open) {
  Attributes wanted = with_probe_times(probe.facts.attributes);
  const NfsChange nothing;
  Result<NfsFinished> closed = co_await protocol_.finish(probe.handle, open, false, nothing);
  if (!closed) co_return closed.error();
  // Only where we are root are owners given at all.
  const std::uint32_t own = session_->url().uid.value_or(RpcCredential::own().uid);
  if (own == 0) {
    wanted.uid = probe_owner;
    wanted.gid = probe_owner;
  }
  Status settled = co_await settle(probe.handle, probe.facts, wanted, true);
  co_return settled;
}

std::map<std::string, std::string> NfsTree::negotiated() const {
  std::map<std::string, std::string> keys = session_->negotiated();
  keys["rsize"] = std::to_string(limits_.read_bytes_max);
  keys["wsize"] = std::to_string(limits_.write_bytes_max);
  return keys;
}

std::size_t NfsTree::examine(std::span<ConnectionEvidence> into) const {
  if (into.empty()) return 0;
  into.front() = {};
  session_->connection().examine(into.front());
  return 1;
}

bool NfsTree::lost() const {
  const RpcConnection& connection = session_->connection();
  return connection.failed() && connection.failure().kind != ErrorKind::cancelled;
}

std::vector<Shortcoming> NfsTree::shortcomings() const {
  const unsigned version = session_->url().version;
  const std::string which = fmt::format("NFS version {}", version == 3 ? "3" : "4.0");
  std::vector<Shortcoming> all = {
      {Shortcoming::Of::xattrs, which + " has no extended attributes"},
      {Shortcoming::Of::acls, "POSIX ACLs are not part of " + which},
      {Shortcoming::Of::holes, "holes are left out when writing, but " + which + " cannot be asked for them"},
  };
  if (!options_.writable)
    all.push_back({Shortcoming::Of::access_times, "reading back over NFS changes them on the server"});
  if (version == 3)
    all.push_back({Shortcoming::Of::distant_times, which + " has no times before 1970 or after 2106"});
  if (!options_.findings->owners.empty())
    all.push_back({Shortcoming::Of::owners, options_.findings->owners});
  if (!options_.findings->symlink_times.empty())
    all.push_back({Shortcoming::Of::symlink_times, options_.findings->symlink_times});
  if (!options_.findings->nanoseconds.empty())
    all.push_back({Shortcoming::Of::nanoseconds, options_.findings->nanoseconds});
  return all;
}

Result<NfsTreeNode*> NfsTree::node_at(NodeId id, const char* verb) {
  if (failure_) return *failure_;
  NfsTreeNode* node = nodes_.find(id);
  if (node == nullptr)
    return Error{ErrorKind::invalid_input, EBADF, std::string(verb) + ": this node was let go of"};
  return node;
}

Error NfsTree::noted(const Error& error) {
  if (error.kind == ErrorKind::cancelled) return error;
  last_error_ = error.message;
  if (!concerns_the_node(error) && !failure_) failure_ = error;
  return error;
}

NfsChange NfsTree::difference(const NfsFacts& facts, const Attributes& wanted, bool times) const {
  const Attributes& is = facts.attributes;
  NfsChange change;
  change.values = without_xattrs(wanted);
  // Nobody looks at a symlink's mode, and most servers cannot set it.
  change.mode = !S_ISLNK(is.mode) && ((is.mode ^ wanted.mode) & 07777) != 0;
  change.owner = options_.findings->owners.empty() && !same_owner(is, wanted);
  const auto differs = [this](const FileTime& one, const FileTime& other) {
    const bool sayable = session_->url().version != 3 || has_place_in_nfs3(other);
    const bool seconds_only = !options_.findings->nanoseconds.empty();
    return sayable && (seconds_only ? one.seconds != other.seconds : one != other);
  };
  if (S_ISLNK(is.mode) && !options_.findings->symlink_times.empty()) times = false;
  change.times = times && (differs(is.accessed, wanted.accessed) || differs(is.modified, wanted.modified));
  return change;
}

/// Sets what the server has not set yet. Giving a file away may cost it its set-id bits, so it may take
/// more than one round.
Task<Status> NfsTree::settle(const NfsHandle& handle, NfsFacts facts, const Attributes& wanted, bool times) {
  for (int round = 0; round < settle_rounds; ++round) {
    const NfsChange change = difference(facts, wanted, times);
    if (change.empty()) co_return Status();
    Result<NfsFacts> set = co_await protocol_.set_attributes(handle, change);
    if (set) {
      facts = std::move(set).value();
      continue;
    }
    const int code = set.error().code;
    if (!change.owner || (code != EPERM && code != EACCES && code != EINVAL)) co_return set.error();
    options_.findings->owners = "the server does not let us set owners (" + set.error().message + ")";
  }
  note_what_is_not_kept(facts, wanted, times);
  co_return Status();
}

void NfsTree::note_what_is_not_kept(const NfsFacts& facts, const Attributes& wanted, bool times) {
  const Attributes& is = facts.attributes;
  NfsFindings& findings = *options_.findings;
  if (findings.owners.empty() && !same_owner(is, wanted))
    findings.owners = fmt::format("the server keeps {}:{} as owner where {}:{} was set", is.uid, is.gid, wanted.uid,
                                  wanted.gid);
  if (times && S_ISLNK(is.mode) && findings.symlink_times.empty() && is.modified != wanted.modified) {
    findings.symlink_times = "the server does not set the times of symlinks";
    return;
  }
  const bool seconds = is.modified.seconds == wanted.modified.seconds;
  if (times && seconds && findings.nanoseconds.empty() && is.modified != wanted.modified)
    findings.nanoseconds = fmt::format("the server keeps .{:09} s where .{:09} s was set", is.modified.nanoseconds,
                                       wanted.modified.nanoseconds);
}

Task<Result<NodeId>> NfsTree::make_node(NodeId parent, const std::string& name, const std::string& target,
                                        const Attributes& attributes) {
  Result<NfsTreeNode*> directory = node_at(parent, "make");
  if (!directory) co_return directory.error();
  const bool times = !S_ISDIR(attributes.mode);  // A directory's change with every entry made in it.
  NfsChange change;
  change.values = without_xattrs(attributes);
  change.mode = !S_ISLNK(attributes.mode);
  change.owner = options_.findings->owners.empty();
  change.times = times;
  const NfsHandle& place = (*directory)->node.handle;
  const std::uint32_t reconnects = session_->connection().reconnects();
  Result<NfsNode> made = co_await protocol_.make(place, name, change, target);
  if (!made && made.error().code == EEXIST && came_back_since(reconnects)) {
    Result<NfsNode> before = co_await made_before(place, name, attributes.mode, made.error());
    made = std::move(before);
  }
  if (!made) co_return noted(made.error());
  Status settled = co_await settle(made->handle, made->facts, attributes, times);
  if (!settled) co_return noted(settled.error());
  co_return nodes_.add(std::move(made).value(), place, name);
}

Task<Result<NfsNode>> NfsTree::made_before(const NfsHandle& parent, const std::string& name, std::uint32_t mode,
                                           Error error) {
  Result<NfsNode> found = co_await protocol_.look_up(parent, name);
  if (!found) co_return found.error();
  if ((found->facts.attributes.mode & S_IFMT) != (mode & S_IFMT)) co_return error;
  co_return found;
}

Task<Result<NodeId>> NfsTree::make_directory(NodeId parent, const std::string& name, const Attributes& attributes) {
  const std::string no_target;
  Result<NodeId> made = co_await make_node(parent, name, no_target, attributes);
  co_return made;
}

Task<Result<NodeId>> NfsTree::make_symlink(NodeId parent, const std::string& name, const std::string& target,
                                           const Attributes& attributes) {
  Result<NodeId> made = co_await make_node(parent, name, target, attributes);
  co_return made;
}

Task<Result<NodeId>> NfsTree::make_special(NodeId parent, const std::string& name, const Attributes& attributes) {
  const std::string no_target;
  Result<NodeId> made = co_await make_node(parent, name, no_target, attributes);
  co_return made;
}

Task<Status> NfsTree::link(NodeId node, NodeId parent, const std::string& name) {
  Result<NfsTreeNode*> found = node_at(node, "link");
  if (!found) co_return found.error();
  Result<NfsTreeNode*> directory = node_at(parent, "link");
  if (!directory) co_return directory.error();
  const NfsIdentity identity = (*found)->node.facts.identity;
  const NfsHandle place = (*directory)->node.handle;
  const std::uint32_t reconnects = session_->connection().reconnects();
  Status linked = co_await protocol_.link((*found)->node.handle, place, name);
  if (!linked && linked.error().code == EEXIST && came_back_since(reconnects)) {
    const Result<NfsNode> there = co_await protocol_.look_up(place, name);
    if (there && there->facts.identity == identity) linked = Status();
  }
  if (!linked) co_return noted(linked.error());
  co_return Status();
}

Task<Status> NfsTree::set_attributes(NodeId node, const Attributes& attributes) {
  Result<NfsTreeNode*> found = node_at(node, "set attributes");
  if (!found) co_return found.error();
  NfsFacts nothing_right;  // so that all is set, whatever it is now
  nothing_right.attributes.mode = ((*found)->node.facts.attributes.mode & S_IFMT) | (~attributes.mode & 07777);
  nothing_right.attributes.uid = ~attributes.uid;
  nothing_right.attributes.modified = {.seconds = ~attributes.modified.seconds, .nanoseconds = 0};
  Status set = co_await settle((*found)->node.handle, nothing_right, attributes, true);
  if (!set) co_return noted(set.error());
  co_return Status();
}

void NfsTree::forget(NodeId node) {
  if (node != root_) nodes_.forget(node);
}

Task<Status> NfsTree::sync() {
  if (failure_) co_return *failure_;
  Status committed = co_await commit_open_files();
  if (!committed) co_return noted(committed.error());
  Result<std::uint64_t> free = co_await protocol_.free_bytes(session_->root().handle);
  if (!free) co_return noted(free.error());
  free_bytes_ = *free;
  co_return Status();
}

Task<Result<std::vector<DirectoryEntry>>> NfsTree::read_directory(NodeId directory) {
  Result<NfsTreeNode*> found = node_at(directory, "read the directory");
  if (!found) co_return found.error();
  const NfsHandle& handle = (*found)->node.handle;
  Result<std::vector<NfsEntry>> entries = co_await protocol_.read_directory(handle);
  if (!entries) co_return noted(entries.error());
  std::vector<DirectoryEntry> listed;
  listed.reserve(entries->size());
  for (NfsEntry& entry : *entries) {
    const std::uint32_t type = entry.node.facts.attributes.mode & S_IFMT;
    const NodeId id = nodes_.add(std::move(entry.node), handle, entry.name);
    listed.push_back({.name = std::move(entry.name), .node = id, .mode = type});
  }
  co_return listed;
}

Task<Result<Attributes>> NfsTree::read_attributes(NodeId node) {
  Result<NfsTreeNode*> found = node_at(node, "get attributes");
  if (!found) co_return found.error();
  Result<NfsFacts> facts = co_await protocol_.get_attributes((*found)->node.handle);
  if (!facts) co_return noted(facts.error());
  co_return facts->attributes;
}

Task<Result<std::string>> NfsTree::read_link(NodeId node) {
  Result<NfsTreeNode*> found = node_at(node, "read the link");
  if (!found) co_return found.error();
  Result<std::string> target = co_await protocol_.read_link((*found)->node.handle);
  if (!target) co_return noted(target.error());
  co_return target;
}

/// The whole file: the protocol cannot be asked for holes.
Task<Result<std::vector<DataRange>>> NfsTree::read_data_ranges(NodeId node) {
  Result<Attributes> attributes = co_await read_attributes(node);
  if (!attributes) co_return attributes.error();
  std::vector<DataRange> ranges;
  if (attributes->bytes != 0) ranges.push_back({.offset = 0, .bytes = attributes->bytes});
  co_return ranges;
}

Task<Result<bool>> NfsTree::try_lock(NfsTreeNode& node, NfsRange range, bool exclusive) {
  NfsFileLocks& file = *node.locks;
  while (file.busy) {
    file.idle.reset();
    co_await file.idle.wait();
  }
  file.busy = true;
  Result<bool> granted =
      co_await protocol_.lock(node.node, node.parent, node.name, file.locks, range, exclusive);
  file.busy = false;
  file.idle.set();
  co_return granted;
}

Task<Status> NfsTree::lock(NodeId node, std::uint64_t offset, std::uint64_t bytes, bool exclusive) {
  Result<NfsTreeNode*> found = node_at(node, "lock");
  if (!found) co_return found.error();
  NfsTreeNode& file = **found;
  if (file.locks == nullptr) file.locks = std::make_unique<NfsFileLocks>();
  const NfsRange range{.offset = offset, .bytes = bytes};
  for (Duration pause = lock_pause_first;; pause = std::min(pause * 2, lock_pause_longest)) {
    Result<bool> granted = co_await try_lock(file, range, exclusive);
    if (!granted) co_return noted(granted.error());
    if (*granted) co_return Status();
    co_await session_->connection().pause(pause);
  }
}

Task<Status> NfsTree::unlock(NodeId node, std::uint64_t offset, std::uint64_t bytes) {
  Result<NfsTreeNode*> found = node_at(node, "unlock");
  if (!found) co_return found.error();
  NfsTreeNode& file = **found;
  if (file.locks == nullptr)
    co_return Error{ErrorKind::invalid_input, EINVAL, "unlock: nothing is locked of this file"};
  NfsFileLocks& locks = *file.locks;
  while (locks.busy) {
    locks.idle.reset();
    co_await locks.idle.wait();
  }
  locks.busy = true;
  const NfsRange range{.offset = offset, .bytes = bytes};
  Status unlocked = co_await protocol_.unlock(file.node, locks.locks, range);
  locks.busy = false;
  locks.idle.set();
  if (!unlocked) co_return noted(unlocked.error());
  co_return Status();
}

void NfsTree::abandon() { session_->fail(Error{ErrorKind::cancelled, ECANCELED, "given up"}); }

Task<Status> NfsTree::close() {
  Status status;
  for (auto& [id, node] : nodes_.all()) {
    if (node.open == nullptr || session_->connection().failed()) continue;
    Status finished = co_await finish(node);
    if (status) status = std::move(finished);
  }
  if (session_->connection().failed()) status = session_->connection().failure();
  co_await session_->close();
  co_return status;
}

}  // namespace holdfast::initiator
