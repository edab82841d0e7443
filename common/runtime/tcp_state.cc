#include "common/runtime/tcp_state.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace holdfast {
namespace {

std::uint32_t queue(int fd, unsigned long which) {
  int bytes = 0;
  return ::ioctl(fd, which, &bytes) == 0 && bytes > 0 ? static_cast<std::uint32_t>(bytes) : 0;
}

}  // namespace

TcpState tcp_state(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (fd < 0 || ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return {};
  TcpState state;
  state.known = true;
  state.state = info.tcpi_state;
  state.ca_state = info.tcpi_ca_state;
  state.retransmits = info.tcpi_retransmits;
  state.backoff = info.tcpi_backoff;
  state.probes = info.tcpi_probes;
  state.rto_us = info.tcpi_rto;
  state.rtt_us = info.tcpi_rtt;
  state.segment_bytes = info.tcpi_snd_mss;
  state.path_mtu = info.tcpi_pmtu;
  state.congestion_window = info.tcpi_snd_cwnd;
  state.unacked = info.tcpi_unacked;
  state.send_window = info.tcpi_snd_wnd;
  state.last_data_sent_ms = info.tcpi_last_data_sent;
  state.last_data_received_ms = info.tcpi_last_data_recv;
  state.last_ack_received_ms = info.tcpi_last_ack_recv;
  state.segments_in = info.tcpi_segs_in;
  state.segments_out = info.tcpi_segs_out;
  state.data_segments_in = info.tcpi_data_segs_in;
  state.segments_sent_again = info.tcpi_total_retrans;
  state.duplicates_reported = info.tcpi_dsack_dups;
  state.out_of_order_in = info.tcpi_rcv_ooopack;
  state.bytes_sent = info.tcpi_bytes_sent;
  state.bytes_sent_again = info.tcpi_bytes_retrans;
  state.bytes_acked = info.tcpi_bytes_acked;
  state.bytes_received = info.tcpi_bytes_received;
  state.window_limited_us = info.tcpi_rwnd_limited;
  state.in_queue = queue(fd, SIOCINQ);
  state.out_queue = queue(fd, SIOCOUTQ);
  state.out_queue_unsent = queue(fd, SIOCOUTQNSD);
  return state;
}

}  // namespace holdfast
