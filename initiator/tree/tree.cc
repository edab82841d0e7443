#include "initiator/tree/tree.h"

#include <cerrno>

namespace holdfast::initiator {
namespace {

Error no_locks(const Tree& tree) {
  return Error{ErrorKind::refused, EOPNOTSUPP, "lock: " + tree.transport() + " has no locks"};
}

}  // namespace

Task<Status> Tree::lock(NodeId, std::uint64_t, std::uint64_t, bool) { co_return no_locks(*this); }
Task<Status> Tree::unlock(NodeId, std::uint64_t, std::uint64_t) { co_return no_locks(*this); }

}  // namespace holdfast::initiator
