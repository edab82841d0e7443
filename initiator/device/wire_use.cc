#include "initiator/device/wire_use.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdfast::initiator {

WireUse bytes_of_socket(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return {};
  return {.requests = 0, .bytes_sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans,
          .bytes_received = info.tcpi_bytes_received};
}

}  // namespace holdfast::initiator
