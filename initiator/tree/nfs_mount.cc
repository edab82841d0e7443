#include "initiator/tree/nfs_mount.h"

#include <fmt/format.h>
#include <nfsc/libnfs-raw-mount.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>

#include <cerrno>

#include "common/base/check.h"
#include "initiator/tree/xdr.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t path_room = 2048;
constexpr int exports_told_max = 8;

std::string path_of(const std::vector<std::string>& components, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += "/" + components[i];
  return path.empty() ? "/" : path;
}

/// Asks for one path. `status` is mountd's own.
Task<Result<NfsHandle>> mount_one(RpcConnection& mountd, std::string path, mountstat3& status) {
  RpcCall call;
  mountd.begin(call, MOUNT3_MNT);
  dirpath argument = path.data();
  CHECK(append_xdr(call.message, zdr_dirpath, argument, path_room));
  co_await mountd.perform(call);
  if (!call.status) co_return call.status.error();
  const Decoded<mountres3> result(call.results, zdr_mountres3);
  if (!result.ok()) co_return undecodable("mount");
  status = result->fhs_status;
  if (status != MNT3_OK) co_return NfsHandle();
  const fhandle3& handle = result->mountres3_u.mountinfo.fhandle;
  co_return NfsHandle(handle.fhandle3_val, handle.fhandle3_len);
}

/// "it exports /a, /b".
Task<std::string> exports_text(RpcConnection& mountd) {
  RpcCall call;
  mountd.begin(call, MOUNT3_EXPORT);
  co_await mountd.perform(call);
  if (!call.status) co_return "";
  const Decoded<exports> result(call.results, zdr_exports);
  if (!result.ok()) co_return "";
  std::string text;
  int told = 0;
  for (const exportnode* at = *result; at != nullptr;) {
    const exportnode one = aligned(at);
    at = one.ex_next;
    if (told++ == exports_told_max) {
      text += ", …";
      break;
    }
    text += (text.empty() ? "" : ", ") + std::string(one.ex_dir);
  }
  co_return text.empty() ? std::string("; it exports nothing to us") : "; it exports " + text;
}

}  // namespace

Task<Result<NfsMount>> mount_longest(RpcConnection& mountd, const std::vector<std::string>& components) {
  mountstat3 first = MNT3_OK;
  for (std::size_t count = components.size();; --count) {
    mountstat3 status = MNT3_OK;
    std::string path = path_of(components, count);
    Result<NfsHandle> handle = co_await mount_one(mountd, std::move(path), status);
    if (!handle) co_return handle.error();
    if (status == MNT3_OK) co_return NfsMount{.handle = std::move(handle).value(), .components = count};
    if (count == components.size()) first = status;
    if (count == 0) break;
  }
  const std::string exported = co_await exports_text(mountd);
  const bool denied = first == MNT3ERR_ACCES || first == MNT3ERR_PERM;
  co_return Error{ErrorKind::refused, denied ? EACCES : ENOENT,
                  fmt::format("mount {}: {} says {}{}{}", path_of(components, components.size()),
                              mountd.address().to_string(), mountstat3_to_str(first),
                              denied ? " (it does not let this host in)" : "", exported)};
}

}  // namespace holdfast::initiator
