#include "initiator/tree/ext4_xattrs.h"

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "initiator/tree/ext4_library.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t name_bytes_max = 255;
constexpr std::string_view access_acl = "system.posix_acl_access";
constexpr std::string_view default_acl = "system.posix_acl_default";
constexpr std::string_view prefixes[] = {"user.", "trusted.", "security."};

struct CloseHandle {
  void operator()(ext2_xattr_handle* handle) const { ::ext2fs_xattrs_close(&handle); }
};
using Handle = std::unique_ptr<ext2_xattr_handle, CloseHandle>;

errcode_t open_handle(ext2_filsys filesystem, ext2_ino_t number, Handle& handle) {
  ext2_xattr_handle* opened = nullptr;
  errcode_t code = ::ext2fs_xattrs_open(filesystem, number, &opened);
  if (code != 0) return code;
  handle.reset(opened);
  return ::ext2fs_xattrs_read(opened);
}

std::vector<std::string> names_in(ext2_xattr_handle* handle) {
  std::vector<std::string> names;
  const auto collect = [](char* name, char*, std::size_t, void* into) {
    static_cast<std::vector<std::string>*>(into)->emplace_back(name);
    return 0;
  };
  ::ext2fs_xattrs_iterate(handle, collect, &names);
  return names;
}

/// An ACL's entries that name nobody: libext2fs gives them the id 0, the kernel one that means
/// none.
void name_nobody(std::string& acl) {
  constexpr std::size_t head_bytes = 4;
  constexpr std::size_t entry_bytes = 8;  // tag, permissions, id
  constexpr char user_tag = 0x02;
  constexpr char group_tag = 0x08;
  for (std::size_t at = head_bytes; at + entry_bytes <= acl.size(); at += entry_bytes)
    if (acl[at] != user_tag && acl[at] != group_tag) acl.replace(at + 4, 4, 4, '\xFF');
}

}  // namespace

Status check_xattr_name(const std::string& name) {
  if (name.size() > name_bytes_max)
    return Error{ErrorKind::refused, ERANGE, "the name of an extended attribute is too long"};
  if (name == access_acl || name == default_acl) return {};
  for (const std::string_view prefix : prefixes)
    if (name.size() > prefix.size() && name.starts_with(prefix)) return {};
  return Error{ErrorKind::refused, EOPNOTSUPP, "ext4 keeps no extended attribute named " + name};
}

Status write_xattrs(ext2_filsys filesystem, ext2_ino_t number,
                    const std::map<std::string, std::string>& xattrs) {
  Handle handle;
  errcode_t code = open_handle(filesystem, number, handle);
  if (code != 0) return ext4_error(code, "read the extended attributes");
  for (const std::string& name : names_in(handle.get())) {
    if (xattrs.contains(name)) continue;
    code = ::ext2fs_xattr_remove(handle.get(), name.c_str());
    if (code != 0) return ext4_error(code, "remove the extended attribute " + name);
  }
  for (const auto& [name, value] : xattrs) {
    code = ::ext2fs_xattr_set(handle.get(), name.c_str(), value.data(), value.size());
    if (code != 0) return ext4_error(code, "set the extended attribute " + name);
  }
  return {};
}

Status read_xattrs(ext2_filsys filesystem, ext2_ino_t number,
                   std::map<std::string, std::string>& xattrs) {
  Handle handle;
  errcode_t code = open_handle(filesystem, number, handle);
  if (code != 0) return ext4_error(code, "read the extended attributes");
  for (const std::string& name : names_in(handle.get())) {
    void* value = nullptr;
    std::size_t bytes = 0;
    code = ::ext2fs_xattr_get(handle.get(), name.c_str(), &value, &bytes);
    if (code != 0) return ext4_error(code, "read the extended attribute " + name);
    std::string held(static_cast<const char*>(value), bytes);
    ::ext2fs_free_mem(&value);
    if (name == access_acl || name == default_acl) name_nobody(held);
    xattrs.emplace(name, std::move(held));
  }
  return {};
}

}  // namespace holdfast::initiator
