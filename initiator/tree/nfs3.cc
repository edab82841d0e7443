#include "initiator/tree/nfs3.h"

#include <nfsc/libnfs-raw-nfs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/endian.h"
#include "common/base/units.h"
#include "initiator/tree/nfs3_values.h"
#include "initiator/tree/nfs_status.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t arguments_room = 16 * KiB;  // a name and a symlink's target of any length
constexpr std::uint32_t directory_bytes = 128 * KiB;

/// The status that every result of version 3 begins with.
std::uint32_t status_of(const RpcCall& call) {
  be32 status;
  std::memcpy(&status, call.results.data(), sizeof status);
  return status;
}

NfsVerifier verifier_of(const char* bytes) {
  NfsVerifier verifier;
  std::copy_n(bytes, verifier.size(), verifier.begin());
  return verifier;
}

/// What CREATE, MKDIR, SYMLINK and MKNOD answer alike. `whole` says whether nothing is left out.
template <typename Made>
NfsNode made_node(const Made& made, bool& whole) {
  NfsNode node;
  if (made.obj.handle_follows != 0) node.handle = handle_of(made.obj.post_op_fh3_u.handle);
  if (made.obj_attributes.attributes_follow != 0)
    node.facts = facts_of(made.obj_attributes.post_op_attr_u.attributes);
  whole = made.obj.handle_follows != 0 && made.obj_attributes.attributes_follow != 0;
  return node;
}

mknoddata3 special_of(const NfsChange& change) {
  mknoddata3 what{};
  const sattr3 attributes = sattr_of(change);
  const devicedata3 device = {
      .dev_attributes = attributes,
      .spec = {.specdata1 = major(change.values.device), .specdata2 = minor(change.values.device)}};
  switch (change.values.mode & S_IFMT) {
    case S_IFCHR:
      what.type = NF3CHR;
      what.mknoddata3_u.chr_device = device;
      break;
    case S_IFBLK:
      what.type = NF3BLK;
      what.mknoddata3_u.blk_device = device;
      break;
    case S_IFSOCK:
      what.type = NF3SOCK;
      what.mknoddata3_u.sock_attributes = attributes;
      break;
    default:
      what.type = NF3FIFO;
      what.mknoddata3_u.pipe_attributes = attributes;
      break;
  }
  return what;
}

}  // namespace

Task<Status> Nfs3::send(RpcCall& call, const char* verb) {
  for (unsigned again = 0;; ++again) {
    co_await connection_.perform(call);
    if (!call.status) {
      Error error = call.status.error();
      error.message = std::string(verb) + ": " + error.message;
      co_return error;
    }
    if (call.results.size() < sizeof(be32)) co_return undecodable(verb);
    if (!asks_for_patience(status_of(call))) co_return Status();
    co_await connection_.pause(patience(again));
    connection_.repeat(call);
  }
}

template <typename Arguments>
Task<Status> Nfs3::call(RpcCall& call, std::uint32_t procedure, XdrFunction<Arguments> function,
                        Arguments& arguments, const char* verb) {
  connection_.begin(call, procedure);
  if (!append_xdr(call.message, function, arguments, arguments_room))
    co_return Error{ErrorKind::refused, ENAMETOOLONG, std::string(verb) + ": the name is too long for NFS"};
  Status sent = co_await send(call, verb);
  if (!sent) co_return sent;
  if (status_of(call) != NFS3_OK) co_return nfs_error(verb, status_of(call), 3);
  co_return Status();
}

Task<Result<NfsNode>> Nfs3::look_up(const NfsHandle& parent, const std::string& name) {
  RpcCall call;
  LOOKUP3args arguments{.what = place_of(parent, name)};
  Status done = co_await this->call(call, NFS3_LOOKUP, zdr_LOOKUP3args, arguments, "look up");
  if (!done) co_return done.error();
  NfsNode node;
  bool whole = false;
  {
    const Decoded<LOOKUP3res> result(call.results, zdr_LOOKUP3res);
    if (!result.ok()) co_return undecodable("look up");
    const LOOKUP3resok& found = result->LOOKUP3res_u.resok;
    node.handle = handle_of(found.object);
    whole = found.obj_attributes.attributes_follow != 0;
    if (whole) node.facts = facts_of(found.obj_attributes.post_op_attr_u.attributes);
  }
  if (whole) co_return node;
  Result<NfsFacts> facts = co_await get_attributes(node.handle);
  if (!facts) co_return facts.error();
  node.facts = std::move(facts).value();
  co_return node;
}

Task<Result<NfsFacts>> Nfs3::get_attributes(const NfsHandle& node) {
  RpcCall call;
  GETATTR3args arguments{.object = fh_of(node)};
  Status done = co_await this->call(call, NFS3_GETATTR, zdr_GETATTR3args, arguments, "get attributes");
  if (!done) co_return done.error();
  const Decoded<GETATTR3res> result(call.results, zdr_GETATTR3res);
  if (!result.ok()) co_return undecodable("get attributes");
  co_return facts_of(result->GETATTR3res_u.resok.obj_attributes);
}

Task<Result<NfsFacts>> Nfs3::set_attributes(const NfsHandle& node, const NfsChange& change) {
  RpcCall call;
  SETATTR3args arguments{};
  arguments.object = fh_of(node);
  arguments.new_attributes = sattr_of(change);
  Status done = co_await this->call(call, NFS3_SETATTR, zdr_SETATTR3args, arguments, "set attributes");
  if (!done) co_return done.error();
  bool whole = false;
  NfsFacts facts;
  {
    const Decoded<SETATTR3res> result(call.results, zdr_SETATTR3res);
    if (!result.ok()) co_return undecodable("set attributes");
    const post_op_attr& after = result->SETATTR3res_u.resok.obj_wcc.after;
    whole = after.attributes_follow != 0;
    if (whole) facts = facts_of(after.post_op_attr_u.attributes);
  }
  if (whole) co_return facts;
  Result<NfsFacts> asked = co_await get_attributes(node);
  co_return asked;
}

Task<Result<NfsNode>> Nfs3::complete(const NfsHandle& parent, const std::string& name, NfsNode node, bool whole) {
  if (whole) co_return node;
  Result<NfsNode> found = co_await look_up(parent, name);
  co_return found;
}

Task<Result<NfsNode>> Nfs3::make(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                                 const std::string& target) {
  RpcCall call;
  NfsNode node;
  bool whole = false;
  if (S_ISDIR(change.values.mode)) {
    MKDIR3args arguments{.where = place_of(parent, name), .attributes = sattr_of(change)};
    Status done = co_await this->call(call, NFS3_MKDIR, zdr_MKDIR3args, arguments, "make a directory");
    if (!done) co_return done.error();
    const Decoded<MKDIR3res> result(call.results, zdr_MKDIR3res);
    if (!result.ok()) co_return undecodable("make a directory");
    node = made_node(result->MKDIR3res_u.resok, whole);
  } else if (S_ISLNK(change.values.mode)) {
    SYMLINK3args arguments{};
    arguments.where = place_of(parent, name);
    arguments.symlink.symlink_attributes = sattr_of(change);
    arguments.symlink.symlink_data = const_cast<char*>(target.c_str());
    Status done = co_await this->call(call, NFS3_SYMLINK, zdr_SYMLINK3args, arguments, "make a symlink");
    if (!done) co_return done.error();
    const Decoded<SYMLINK3res> result(call.results, zdr_SYMLINK3res);
    if (!result.ok()) co_return undecodable("make a symlink");
    node = made_node(result->SYMLINK3res_u.resok, whole);
  } else {
    MKNOD3args arguments{.where = place_of(parent, name), .what = special_of(change)};
    Status done = co_await this->call(call, NFS3_MKNOD, zdr_MKNOD3args, arguments, "make a node");
    if (!done) co_return done.error();
    const Decoded<MKNOD3res> result(call.results, zdr_MKNOD3res);
    if (!result.ok()) co_return undecodable("make a node");
    node = made_node(result->MKNOD3res_u.resok, whole);
  }
  Result<NfsNode> made = co_await complete(parent, name, std::move(node), whole);
  co_return made;
}

Task<Result<NfsNode>> Nfs3::create(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                                   NfsOpen&) {
  RpcCall call;
  CREATE3args arguments{};
  arguments.where = place_of(parent, name);
  arguments.how.mode = GUARDED;
  arguments.how.createhow3_u.g_obj_attributes = sattr_of(change);
  Status done = co_await this->call(call, NFS3_CREATE, zdr_CREATE3args, arguments, "create");
  if (!done) co_return done.error();
  NfsNode node;
  bool whole = false;
  {
    const Decoded<CREATE3res> result(call.results, zdr_CREATE3res);
    if (!result.ok()) co_return undecodable("create");
    node = made_node(result->CREATE3res_u.resok, whole);
  }
  Result<NfsNode> made = co_await complete(parent, name, std::move(node), whole);
  co_return made;
}

Task<Result<NfsWritten>> Nfs3::write(const NfsHandle& file, const NfsOpen&, std::uint64_t offset,
                                     std::span<const std::byte> data, bool stable) {
  RpcCall call;
  connection_.begin(call, NFS3_WRITE);
  WRITE3args arguments{};
  arguments.file = fh_of(file);
  arguments.offset = offset;
  arguments.count = static_cast<u_int>(data.size());
  arguments.stable = stable ? FILE_SYNC : UNSTABLE;
  CHECK(append_xdr(call.message, zdr_WRITE3args, arguments, arguments_room));
  call.message.resize(call.message.size() - sizeof(be32));  // The data's length goes with the data.
  call.data = data;
  Status sent = co_await send(call, "write");
  if (!sent) co_return sent.error();
  if (status_of(call) != NFS3_OK) co_return nfs_error("write", status_of(call), 3);
  const Decoded<WRITE3res> result(call.results, zdr_WRITE3res);
  if (!result.ok()) co_return undecodable("write");
  const WRITE3resok& done = result->WRITE3res_u.resok;
  co_return NfsWritten{
      .bytes = done.count, .stable = done.committed != UNSTABLE, .verifier = verifier_of(done.verf), .sent_again = call.sent_again()};
}

Task<Result<NfsVerifier>> Nfs3::commit(const NfsHandle& file) {
  RpcCall call;
  COMMIT3args arguments{.file = fh_of(file), .offset = 0, .count = 0};
  Status done = co_await this->call(call, NFS3_COMMIT, zdr_COMMIT3args, arguments, "commit");
  if (!done) co_return done.error();
  const Decoded<COMMIT3res> result(call.results, zdr_COMMIT3res);
  if (!result.ok()) co_return undecodable("commit");
  co_return verifier_of(result->COMMIT3res_u.resok.verf);
}

Task<Result<NfsFinished>> Nfs3::finish(const NfsHandle& file, NfsOpen&, bool commit, const NfsChange& change) {
  NfsFinished finished;
  if (commit) {
    const Result<NfsVerifier> verifier = co_await this->commit(file);
    if (!verifier) co_return verifier.error();
    finished.verifier = *verifier;
  }
  if (change.empty()) co_return finished;
  Result<NfsFacts> facts = co_await set_attributes(file, change);
  if (!facts) co_return facts.error();
  finished.facts = std::move(facts).value();
  co_return finished;
}

Task<Status> Nfs3::link(const NfsHandle& node, const NfsHandle& parent, const std::string& name) {
  RpcCall call;
  LINK3args arguments{.file = fh_of(node), .link = place_of(parent, name)};
  Status done = co_await this->call(call, NFS3_LINK, zdr_LINK3args, arguments, "link");
  co_return done;
}

Task<Status> Nfs3::remove(const NfsHandle& parent, const std::string& name) {
  RpcCall call;
  REMOVE3args arguments{.object = place_of(parent, name)};
  Status done = co_await this->call(call, NFS3_REMOVE, zdr_REMOVE3args, arguments, "remove");
  co_return done;
}

Task<Result<std::vector<NfsEntry>>> Nfs3::read_directory(const NfsHandle& directory) {
  std::vector<NfsEntry> entries;
  std::uint64_t cookie = 0;
  std::string verifier(NFS3_COOKIEVERFSIZE, '\0');
  for (bool at_end = false; !at_end;) {
    Status read = co_await read_directory_from(directory, cookie, verifier, at_end, entries);
    if (!read) co_return read.error();
  }
  // What the server has not said of an entry is asked for.
  for (NfsEntry& entry : entries) {
    if (!entry.node.handle.empty()) continue;
    Result<NfsNode> found = co_await look_up(directory, entry.name);
    if (!found) co_return found.error();
    entry.node = std::move(found).value();
  }
  co_return entries;
}

Task<Status> Nfs3::read_directory_from(const NfsHandle& directory, std::uint64_t& cookie, std::string& verifier,
                                       bool& at_end, std::vector<NfsEntry>& entries) {
  RpcCall call;
  READDIRPLUS3args arguments{};
  arguments.dir = fh_of(directory);
  arguments.cookie = cookie;
  std::copy(verifier.begin(), verifier.end(), arguments.cookieverf);
  arguments.dircount = directory_bytes;
  arguments.maxcount = directory_bytes;
  Status done = co_await this->call(call, NFS3_READDIRPLUS, zdr_READDIRPLUS3args, arguments, "read the directory");
  if (!done) co_return done;
  const Decoded<READDIRPLUS3res> result(call.results, zdr_READDIRPLUS3res);
  if (!result.ok()) co_return undecodable("read the directory");
  const READDIRPLUS3resok& listed = result->READDIRPLUS3res_u.resok;
  verifier.assign(listed.cookieverf, NFS3_COOKIEVERFSIZE);
  at_end = listed.reply.eof != 0;
  if (!at_end && listed.reply.entries == nullptr)
    co_return Error{ErrorKind::protocol, EPROTO, "read the directory: the server lists nothing and no end"};
  for (const entryplus3* at = listed.reply.entries; at != nullptr;) {
    const entryplus3 one = aligned(at);
    at = one.nextentry;
    cookie = one.cookie;
    const std::string name = one.name;
    if (name == "." || name == "..") continue;
    NfsEntry entry{.name = name, .node = {}};
    if (one.name_handle.handle_follows != 0 && one.name_attributes.attributes_follow != 0) {
      entry.node.handle = handle_of(one.name_handle.post_op_fh3_u.handle);
      entry.node.facts = facts_of(one.name_attributes.post_op_attr_u.attributes);
    }
    entries.push_back(std::move(entry));
  }
  co_return Status();
}

Task<Result<std::string>> Nfs3::read_link(const NfsHandle& node) {
  RpcCall call;
  READLINK3args arguments{.symlink = fh_of(node)};
  Status done = co_await this->call(call, NFS3_READLINK, zdr_READLINK3args, arguments, "read the link");
  if (!done) co_return done.error();
  const Decoded<READLINK3res> result(call.results, zdr_READLINK3res);
  if (!result.ok()) co_return undecodable("read the link");
  co_return std::string(result->READLINK3res_u.resok.data);
}

Task<Result<NfsReadPiece>> Nfs3::read(const NfsHandle& file, std::uint64_t offset, std::span<std::byte> data) {
  RpcCall call;
  READ3args arguments{.file = fh_of(file), .offset = offset, .count = static_cast<u_int>(data.size())};
  Status done = co_await this->call(call, NFS3_READ, zdr_READ3args, arguments, "read");
  if (!done) co_return done.error();
  const Decoded<READ3res> result(call.results, zdr_READ3res);
  if (!result.ok()) co_return undecodable("read");
  const READ3resok& got = result->READ3res_u.resok;
  const std::size_t bytes = std::min<std::size_t>(got.data.data_len, data.size());
  std::memcpy(data.data(), got.data.data_val, bytes);
  co_return NfsReadPiece{.bytes = bytes, .at_end = got.eof != 0};
}

Task<Result<NfsLimits>> Nfs3::limits(const NfsHandle& root) {
  RpcCall call;
  FSINFO3args arguments{.fsroot = fh_of(root)};
  Status done = co_await this->call(call, NFS3_FSINFO, zdr_FSINFO3args, arguments, "ask for limits");
  if (!done) co_return done.error();
  const Decoded<FSINFO3res> result(call.results, zdr_FSINFO3res);
  if (!result.ok()) co_return undecodable("ask for limits");
  const FSINFO3resok& info = result->FSINFO3res_u.resok;
  co_return NfsLimits{
      .read_bytes_max = info.rtmax,
      .write_bytes_max = info.wtmax,
      .time_step = {.seconds = info.time_delta.seconds, .nanoseconds = info.time_delta.nseconds}};
}

Task<Result<std::uint64_t>> Nfs3::free_bytes(const NfsHandle& root) {
  RpcCall call;
  FSSTAT3args arguments{.fsroot = fh_of(root)};
  Status done = co_await this->call(call, NFS3_FSSTAT, zdr_FSSTAT3args, arguments, "ask for free space");
  if (!done) co_return done.error();
  const Decoded<FSSTAT3res> result(call.results, zdr_FSSTAT3res);
  if (!result.ok()) co_return undecodable("ask for free space");
  co_return result->FSSTAT3res_u.resok.abytes;
}

Task<Result<bool>> Nfs3::lock(const NfsNode& file, const NfsHandle&, const std::string&, NfsLocks&,
                              const NfsRange& range, bool exclusive) {
  Result<bool> granted = co_await locks_.lock(file.handle, range, exclusive);
  co_return granted;
}

Task<Status> Nfs3::unlock(const NfsNode& file, NfsLocks&, const NfsRange& range) {
  Status unlocked = co_await locks_.unlock(file.handle, range);
  co_return unlocked;
}

}  // namespace holdfast::initiator
