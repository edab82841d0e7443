#include "initiator/device/resolve.h"

#include <fmt/format.h>
#include <netdb.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::initiator {
namespace {

constexpr std::size_t addresses_max = 8;

/// Shared by the loop and the thread: whoever leaves last frees it.
struct Lookup {
  std::string host;
  int error = 0;
  std::vector<sockaddr_storage> found;
  std::atomic<bool> finished = false;
};

void look_up(Lookup& lookup) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  lookup.error = ::getaddrinfo(lookup.host.c_str(), nullptr, &hints, &list);
  for (const addrinfo* one = list; one != nullptr && lookup.found.size() < addresses_max; one = one->ai_next)
    std::memcpy(&lookup.found.emplace_back(), one->ai_addr, one->ai_addrlen);
  if (list != nullptr) ::freeaddrinfo(list);
  lookup.finished.store(true, std::memory_order_release);
}

Error failed(const std::string& host, const std::string& why) {
  return Error{ErrorKind::system, EHOSTUNREACH, fmt::format("look up host {}: {}; check its name, or write its address", host, why)};
}

}  // namespace

Task<Result<std::vector<SocketAddress>>> resolve_all(Loop& loop, std::string host, std::uint16_t port,
                                                     Instant deadline) {
  std::vector<SocketAddress> addresses;
  Result<SocketAddress> numeric = SocketAddress::parse(host, port);
  if (numeric) {
    addresses.push_back(*numeric);
    co_return addresses;
  }

  auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  try {
    std::thread([lookup] { look_up(*lookup); }).detach();
  } catch (const std::system_error& error) {
    co_return failed(host, error.what());
  }
  // Nothing can interrupt the resolver, so its thread is looked at from time to time, and left to
  // itself at the deadline.
  while (!lookup->finished.load(std::memory_order_acquire)) {
    if (clock_now() >= deadline) co_return failed(host, "the resolver gave no answer in time");
    co_await sleep_for(loop, std::chrono::milliseconds(5));
  }
  if (lookup->error != 0) co_return failed(host, ::gai_strerror(lookup->error));
  for (const sockaddr_storage& one : lookup->found) {
    Result<SocketAddress> address = SocketAddress::parse(SocketAddress::from(one).host(), port);
    if (address) addresses.push_back(*address);
  }
  if (addresses.empty()) co_return failed(host, "the resolver knows no address that we can use");
  co_return addresses;
}

Task<Result<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, Instant deadline) {
  Result<std::vector<SocketAddress>> all = co_await resolve_all(loop, std::move(host), port, deadline);
  if (!all) co_return all.error();
  co_return all->front();
}

}  // namespace holdfast::initiator
