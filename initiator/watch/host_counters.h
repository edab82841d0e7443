#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/fd.h"
#include "common/runtime/socket.h"

namespace holdfast::initiator {

/// What is counted of this machine's network and processors: those counters that tell of loss, of refusal and
/// of waiting. Everything counts up since the machine began.
struct HostSample {
  static constexpr std::size_t network_counters = 18;
  static constexpr std::size_t interface_counters = 11;

  Duration cpu_waited{};  // for which this thread could have run and had no processor
  Duration cpu_stolen{};  // by the hypervisor, per processor
  std::array<std::uint64_t, network_counters> network{};      // /proc/net/netstat and snmp
  std::array<std::uint64_t, interface_counters> interface{};  // of the interface in use
};

/// The kernel's files, kept open. Made on the thread whose waiting is counted; reading takes well under a
/// millisecond, and what cannot be read stays zero.
class HostCounters {
 public:
  HostCounters();

  /// From now on the counters of the interface that has this address are read as well.
  void use_interface_of(const SocketAddress& local);
  const std::string& interface() const { return interface_; }

  HostSample read() const;

  /// What moved from `before` to `now`: "TCPTimeouts +3", "eth0 rx_dropped +17".
  std::vector<std::string> moved(const HostSample& before, const HostSample& now) const;

 private:
  /// Where a counter stands in a file of paired lines of names and values.
  struct Place {
    std::size_t line = 0;    // of the values
    std::size_t column = 0;  // from 1; 0: the kernel does not have it
  };

  Fd schedule_, processors_, netstat_, snmp_;
  std::size_t processor_count_ = 1;
  std::array<Place, HostSample::network_counters> places_{};
  std::string interface_;
  std::array<Fd, HostSample::interface_counters> interface_files_;
};

}  // namespace holdfast::initiator
