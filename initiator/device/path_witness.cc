#include "initiator/device/path_witness.h"

#include <atomic>

namespace holdfast::initiator {

std::uint32_t new_connection_id() {
  static std::atomic<std::uint32_t> last = 0;
  return ++last;
}

}  // namespace holdfast::initiator
