#include "target/store/null_store.h"

#include <cerrno>
#include <cstring>
#include <fmt/core.h>

namespace holdfast::target {

std::string NullStore::describe() const {
  return fmt::format("null, {} bytes", size_);
}

void NullStore::start(StoreRequest& request) {
  if (request.operation == StoreOperation::read)
    for (const iovec& vector : request.vectors) std::memset(vector.iov_base, 0, vector.iov_len);
  if (request.operation == StoreOperation::map) map_all(request);
  finish_later(request, request.operation == StoreOperation::room ? EOPNOTSUPP : 0);
}

}  // namespace holdfast::target
