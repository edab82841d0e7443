#include "initiator/watch/host_counters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <thread>

namespace holdfast::initiator {
namespace {

struct NetworkCounter {
  const char* group;  // the name at the front of its line
  const char* name;
  bool in_snmp;
};

constexpr std::array<NetworkCounter, HostSample::network_counters> network_names = {{
    {"TcpExt:", "TCPTimeouts", false},        {"TcpExt:", "TCPLossProbes", false},
    {"TcpExt:", "TCPSpuriousRTOs", false},    {"TcpExt:", "TCPBacklogDrop", false},
    {"TcpExt:", "TCPRcvQDrop", false},        {"TcpExt:", "TCPZeroWindowDrop", false},
    {"TcpExt:", "TCPToZeroWindowAdv", false}, {"TcpExt:", "TCPAbortOnTimeout", false},
    {"TcpExt:", "TCPRetransFail", false},     {"TcpExt:", "TCPMTUPFail", false},
    {"TcpExt:", "PAWSEstab", false},          {"TcpExt:", "TCPDSACKRecv", false},
    {"Tcp:", "RetransSegs", true},            {"Tcp:", "InErrs", true},
    {"Tcp:", "InCsumErrors", true},           {"Ip:", "OutNoRoutes", true},
    {"Ip:", "OutDiscards", true},             {"Udp:", "RcvbufErrors", true},
}};

constexpr std::array<const char*, HostSample::interface_counters> interface_names = {
    "rx_errors",    "rx_dropped", "rx_crc_errors",     "rx_missed_errors", "rx_fifo_errors", "tx_errors",
    "tx_dropped",   "tx_carrier_errors", "tx_aborted_errors", "collisions",  "carrier_changes"};

constexpr std::size_t file_bytes_max = 16 * 1024;
using FileBuffer = std::array<char, file_bytes_max>;

Fd open_file(const std::string& path) { return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

std::string_view read_file(const Fd& fd, FileBuffer& buffer, std::size_t bytes_max = file_bytes_max) {
  if (!fd) return {};
  const ssize_t got = ::pread(fd.get(), buffer.data(), bytes_max, 0);
  return got > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(got)) : std::string_view();
}

/// Takes the next word off the front of `text`; empty at its end.
std::string_view next_word(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return text = {};
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
  text.remove_prefix(word.size());
  return word;
}

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

std::uint64_t number(std::string_view word) {
  std::uint64_t value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

std::string_view word_at(std::string_view line, std::size_t column) {
  std::string_view word;
  for (std::size_t i = 0; i <= column && !(word = next_word(line)).empty(); ++i) continue;
  return word;
}

}  // namespace

HostCounters::HostCounters()
    : schedule_(open_file("/proc/thread-self/schedstat")),
      processors_(open_file("/proc/stat")),
      netstat_(open_file("/proc/net/netstat")),
      snmp_(open_file("/proc/net/snmp")),
      processor_count_(std::max(1U, std::thread::hardware_concurrency())) {
  for (const bool snmp : {false, true}) {
    FileBuffer buffer;
    std::string_view text = read_file(snmp ? snmp_ : netstat_, buffer);
    for (std::size_t line = 0; !text.empty(); line += 2) {
      std::string_view names = next_line(text);
      next_line(text);
      const std::string_view group = next_word(names);
      std::size_t column = 1;
      for (std::string_view name = next_word(names); !name.empty(); name = next_word(names), ++column)
        for (std::size_t i = 0; i < network_names.size(); ++i)
          if (network_names[i].in_snmp == snmp && name == network_names[i].name && group == network_names[i].group)
            places_[i] = {line + 1, column};
    }
  }
}

void HostCounters::use_interface_of(const SocketAddress& local) {
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return;
  std::string found;
  for (const ifaddrs* one = all; one != nullptr && found.empty(); one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage storage{};
    std::memcpy(&storage, one->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (SocketAddress::from(storage).host() == local.host()) found = one->ifa_name;
  }
  ::freeifaddrs(all);
  if (found.empty() || found == interface_) return;
  interface_ = found;
  for (std::size_t i = 0; i < interface_names.size(); ++i) {
    const bool is_statistic = std::string_view(interface_names[i]) != "carrier_changes";
    interface_files_[i] = open_file(fmt::format("/sys/class/net/{}/{}{}", interface_, is_statistic ? "statistics/" : "",
                                                interface_names[i]));
  }
}

HostSample HostCounters::read() const {
  HostSample sample;
  FileBuffer buffer;
  std::string_view text = read_file(schedule_, buffer, 128);
  sample.cpu_waited = Duration(static_cast<std::int64_t>(number(word_at(text, 1))));
  // "cpu user nice system idle iowait irq softirq steal …", in hundredths of a second.
  text = read_file(processors_, buffer, 256);
  constexpr std::size_t steal = 8;
  sample.cpu_stolen = std::chrono::milliseconds(number(word_at(next_line(text), steal)) * 10 / processor_count_);
  for (const bool snmp : {false, true}) {
    text = read_file(snmp ? snmp_ : netstat_, buffer);
    for (std::size_t line = 0; !text.empty(); ++line) {
      const std::string_view values = next_line(text);
      for (std::size_t i = 0; i < places_.size(); ++i)
        if (network_names[i].in_snmp == snmp && places_[i].column != 0 && places_[i].line == line)
          sample.network[i] = number(word_at(values, places_[i].column));
    }
  }
  for (std::size_t i = 0; i < interface_files_.size(); ++i)
    sample.interface[i] = number(word_at(read_file(interface_files_[i], buffer, 32), 0));
  return sample;
}

std::vector<std::string> HostCounters::moved(const HostSample& before, const HostSample& now) const {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < network_names.size(); ++i)
    if (now.network[i] > before.network[i])
      words.push_back(fmt::format("{} +{}", network_names[i].name, now.network[i] - before.network[i]));
  for (std::size_t i = 0; i < interface_names.size(); ++i)
    if (now.interface[i] > before.interface[i])
      words.push_back(fmt::format("{} {} +{}", interface_, interface_names[i], now.interface[i] - before.interface[i]));
  return words;
}

}  // namespace holdfast::initiator
