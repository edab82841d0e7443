#include "initiator/tree/nfs4.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/units.h"
#include "initiator/tree/nfs_status.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t directory_bytes = 128 * KiB;

nfs_ftype4 type_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR: return NF4DIR;
    case S_IFLNK: return NF4LNK;
    case S_IFCHR: return NF4CHR;
    case S_IFBLK: return NF4BLK;
    case S_IFSOCK: return NF4SOCK;
    default: return NF4FIFO;
  }
}

NfsVerifier verifier_of(const char* bytes) {
  NfsVerifier verifier;
  std::copy_n(bytes, verifier.size(), verifier.begin());
  return verifier;
}

}  // namespace

Task<Status> Nfs4::send_once(RpcCall& call, Nfs4Compound& compound, const char* verb) {
  const std::span<const std::byte> data = call.data;
  connection_.begin(call, NFSPROC4_COMPOUND);
  if (!compound.append_to(call.message))
    co_return Error{ErrorKind::refused, ENAMETOOLONG, std::string(verb) + ": the name is too long for NFS"};
  if (!data.empty()) {
    call.message.resize(call.message.size() - 4);  // The data's length goes with the data.
    call.data = data;
  }
  co_await connection_.perform(call);
  if (call.status) co_return Status();
  Error error = call.status.error();
  error.message = std::string(verb) + ": " + error.message;
  co_return error;
}

Task<Status> Nfs4::send(RpcCall& call, Nfs4Compound& compound, const char* verb) {
  Status sent = co_await send_once(call, compound, verb);
  for (unsigned again = 0; sent.ok(); ++again) {
    std::uint32_t status = NFS4_OK;
    {
      const Nfs4Results results(call);
      if (!results.ok()) co_return undecodable(verb);
      status = results.status();
    }
    if (status == NFS4_OK) co_return Status();
    if (!asks_for_patience(status)) co_return nfs_error(verb, status, 4);
    co_await connection_.pause(patience(again));
    connection_.repeat(call);
    co_await connection_.perform(call);
    if (!call.status) co_return call.status;
  }
  co_return sent;
}

Result<NfsNode> Nfs4::node_of(const Nfs4Results& results, const char* verb) {
  Result<Nfs4Values> values = values_of(results, verb);
  const nfs_resop4* handle = results.find(OP_GETFH);
  if (!values) return values.error();
  if (handle == nullptr) return undecodable(verb);
  const nfs_fh4& object = handle->nfs_resop4_u.opgetfh.GETFH4res_u.resok4.object;
  return NfsNode{.handle = NfsHandle(object.nfs_fh4_val, object.nfs_fh4_len), .facts = values->facts};
}

Result<Nfs4Values> Nfs4::values_of(const Nfs4Results& results, const char* verb) {
  const nfs_resop4* attributes = results.find(OP_GETATTR);
  if (attributes == nullptr) return undecodable(verb);
  const GETATTR4res& result = attributes->nfs_resop4_u.opgetattr;
  if (result.status != NFS4_OK) return nfs_error(verb, result.status, 4);
  return read_attributes(result.GETATTR4res_u.resok4.obj_attributes, owners_);
}

Task<Result<NfsNode>> Nfs4::root() {
  RpcCall call;
  Nfs4Compound compound;
  compound.add(OP_PUTROOTFH);
  compound.get_handle();
  compound.get_attributes(node_attributes());
  Status done = co_await send(call, compound, "look up the root");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  co_return node_of(results, "look up the root");
}

Task<Result<NfsNode>> Nfs4::look_up(const NfsHandle& parent, const std::string& name) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(parent);
  compound.add(OP_LOOKUP).oplookup.objname = component_of(name);
  compound.get_handle();
  compound.get_attributes(node_attributes());
  Status done = co_await send(call, compound, "look up");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  co_return node_of(results, "look up");
}

Task<Result<NfsFacts>> Nfs4::get_attributes(const NfsHandle& node) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(node);
  compound.get_attributes(node_attributes());
  Status done = co_await send(call, compound, "get attributes");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const Result<Nfs4Values> values = values_of(results, "get attributes");
  if (!values) co_return values.error();
  co_return values->facts;
}

Task<Result<NfsFacts>> Nfs4::set_attributes(const NfsHandle& node, const NfsChange& change) {
  RpcCall call;
  Nfs4Compound compound;
  const Nfs4Change wanted(change);
  compound.put(node);
  SETATTR4args& arguments = compound.add(OP_SETATTR).opsetattr;
  arguments.stateid = anonymous_state;
  arguments.obj_attributes = wanted.get();
  compound.get_attributes(node_attributes());
  Status done = co_await send(call, compound, "set attributes");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const Result<Nfs4Values> values = values_of(results, "set attributes");
  if (!values) co_return values.error();
  co_return values->facts;
}

Task<Result<NfsNode>> Nfs4::make(const NfsHandle& parent, const std::string& name, const NfsChange& change,
                                 const std::string& target) {
  RpcCall call;
  Nfs4Compound compound;
  const Nfs4Change wanted(change);
  compound.put(parent);
  CREATE4args& arguments = compound.add(OP_CREATE).opcreate;
  arguments.objtype.type = type_of(change.values.mode);
  if (arguments.objtype.type == NF4LNK) arguments.objtype.createtype4_u.linkdata = component_of(target);
  if (arguments.objtype.type == NF4CHR || arguments.objtype.type == NF4BLK)
    arguments.objtype.createtype4_u.devdata = {.specdata1 = major(change.values.device),
                                               .specdata2 = minor(change.values.device)};
  arguments.objname = component_of(name);
  arguments.createattrs = wanted.get();
  compound.get_handle();
  compound.get_attributes(node_attributes());
  Status done = co_await send(call, compound, "make");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  co_return node_of(results, "make");
}

Task<Result<NfsWritten>> Nfs4::write(const NfsHandle& file, const NfsOpen& open, std::uint64_t offset,
                                     std::span<const std::byte> data, bool stable) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(file);
  WRITE4args& arguments = compound.add(OP_WRITE).opwrite;
  arguments.stateid = state_of(open.state);
  arguments.offset = offset;
  arguments.stable = stable ? FILE_SYNC4 : UNSTABLE4;
  call.data = data;
  Status done = co_await send(call, compound, "write");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const nfs_resop4* result = results.find(OP_WRITE);
  if (result == nullptr) co_return undecodable("write");
  const WRITE4resok& written = result->nfs_resop4_u.opwrite.WRITE4res_u.resok4;
  co_return NfsWritten{.bytes = written.count,
                       .stable = written.committed != UNSTABLE4,
                       .verifier = verifier_of(written.writeverf), .sent_again = call.sent_again()};
}

Task<Result<NfsVerifier>> Nfs4::commit(const NfsHandle& file) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(file);
  compound.add(OP_COMMIT).opcommit = {.offset = 0, .count = 0};
  Status done = co_await send(call, compound, "commit");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const nfs_resop4* result = results.find(OP_COMMIT);
  if (result == nullptr) co_return undecodable("commit");
  co_return verifier_of(result->nfs_resop4_u.opcommit.COMMIT4res_u.resok4.writeverf);
}

Task<Status> Nfs4::link(const NfsHandle& node, const NfsHandle& parent, const std::string& name) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(node);
  compound.add(OP_SAVEFH);
  compound.put(parent);
  compound.add(OP_LINK).oplink.newname = component_of(name);
  Status done = co_await send(call, compound, "link");
  co_return done;
}

Task<Status> Nfs4::remove(const NfsHandle& parent, const std::string& name) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(parent);
  compound.add(OP_REMOVE).opremove.target = component_of(name);
  Status done = co_await send(call, compound, "remove");
  co_return done;
}

Task<Result<std::vector<NfsEntry>>> Nfs4::read_directory(const NfsHandle& directory) {
  std::vector<NfsEntry> entries;
  std::uint64_t cookie = 0;
  std::string verifier(NFS4_VERIFIER_SIZE, '\0');
  for (bool at_end = false; !at_end;) {
    Status read = co_await read_directory_from(directory, cookie, verifier, at_end, entries);
    if (!read) co_return read.error();
  }
  for (NfsEntry& entry : entries) {
    if (!entry.node.handle.empty()) continue;
    Result<NfsNode> found = co_await look_up(directory, entry.name);
    if (!found) co_return found.error();
    entry.node = std::move(found).value();
  }
  co_return entries;
}

Task<Status> Nfs4::read_directory_from(const NfsHandle& directory, std::uint64_t& cookie, std::string& verifier,
                                       bool& at_end, std::vector<NfsEntry>& entries) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(directory);
  READDIR4args& arguments = compound.add(OP_READDIR).opreaddir;
  arguments.cookie = cookie;
  std::copy(verifier.begin(), verifier.end(), arguments.cookieverf);
  arguments.dircount = directory_bytes;
  arguments.maxcount = directory_bytes;
  arguments.attr_request = entry_attributes();
  Status done = co_await send(call, compound, "read the directory");
  if (!done) co_return done;
  const Nfs4Results results(call);
  const nfs_resop4* result = results.find(OP_READDIR);
  if (result == nullptr) co_return undecodable("read the directory");
  const READDIR4resok& listed = result->nfs_resop4_u.opreaddir.READDIR4res_u.resok4;
  verifier.assign(listed.cookieverf, NFS4_VERIFIER_SIZE);
  at_end = listed.reply.eof != 0;
  if (!at_end && listed.reply.entries == nullptr)
    co_return Error{ErrorKind::protocol, EPROTO, "read the directory: the server lists nothing and no end"};
  for (const entry4* at = listed.reply.entries; at != nullptr;) {
    const entry4 one = aligned(at);
    at = one.nextentry;
    cookie = one.cookie;
    Result<Nfs4Values> values = read_attributes(one.attrs, owners_);
    if (!values) co_return values.error();
    entries.push_back({.name = std::string(one.name.utf8string_val, one.name.utf8string_len),
                       .node = {.handle = std::move(values->handle), .facts = values->facts}});
  }
  co_return Status();
}

Task<Result<std::string>> Nfs4::read_link(const NfsHandle& node) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(node);
  compound.add(OP_READLINK);
  Status done = co_await send(call, compound, "read the link");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const nfs_resop4* result = results.find(OP_READLINK);
  if (result == nullptr) co_return undecodable("read the link");
  const linktext4& text = result->nfs_resop4_u.opreadlink.READLINK4res_u.resok4.link;
  co_return std::string(text.utf8string_val, text.utf8string_len);
}

Task<Result<NfsReadPiece>> Nfs4::read(const NfsHandle& file, std::uint64_t offset, std::span<std::byte> data) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(file);
  READ4args& arguments = compound.add(OP_READ).opread;
  arguments.stateid = anonymous_state;
  arguments.offset = offset;
  arguments.count = static_cast<count4>(data.size());
  Status done = co_await send(call, compound, "read");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const nfs_resop4* result = results.find(OP_READ);
  if (result == nullptr) co_return undecodable("read");
  const READ4resok& got = result->nfs_resop4_u.opread.READ4res_u.resok4;
  const std::size_t bytes = std::min<std::size_t>(got.data.data_len, data.size());
  std::memcpy(data.data(), got.data.data_val, bytes);
  co_return NfsReadPiece{.bytes = bytes, .at_end = got.eof != 0};
}

Task<Result<NfsLimits>> Nfs4::limits(const NfsHandle& root) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(root);
  compound.get_attributes(filesystem_attributes());
  Status done = co_await send(call, compound, "ask for limits");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const Result<Nfs4Values> values = values_of(results, "ask for limits");
  if (!values) co_return values.error();
  constexpr std::uint64_t most = 0xFFFF'FFFF;
  co_return NfsLimits{.read_bytes_max = static_cast<std::uint32_t>(std::min(values->read_bytes_max, most)),
                      .write_bytes_max = static_cast<std::uint32_t>(std::min(values->write_bytes_max, most)),
                      .time_step = values->time_step};
}

Task<Result<std::uint64_t>> Nfs4::free_bytes(const NfsHandle& root) {
  RpcCall call;
  Nfs4Compound compound;
  compound.put(root);
  compound.get_attributes(filesystem_attributes());
  Status done = co_await send(call, compound, "ask for free space");
  if (!done) co_return done.error();
  const Nfs4Results results(call);
  const Result<Nfs4Values> values = values_of(results, "ask for free space");
  if (!values) co_return values.error();
  co_return values->space_available;
}

}  // namespace holdfast::initiator
