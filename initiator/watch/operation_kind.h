#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::initiator {

/// What is watched, as the record names it. The first four are a device's; a tree has all of them
/// but unmap: there a flush is what makes data durable (fsync, COMMIT).
enum class OperationKind : std::uint8_t {
  read,
  write,
  flush,
  unmap,
  make_directory,
  create,
  link,
  symlink,
  make_special,
  set_attributes,
  get_attributes,
  read_directory,
  read_link,
  lock,
  unlock,
};

inline constexpr std::size_t operation_kinds = 15;

constexpr const char* to_string(OperationKind kind) {
  constexpr const char* names[operation_kinds] = {
      "read",         "write",          "flush",          "unmap",          "make_directory",
      "create",       "link",           "symlink",        "make_special",   "set_attributes",
      "get_attributes", "read_directory", "read_link",    "lock",           "unlock"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace holdfast::initiator
