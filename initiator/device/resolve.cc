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

/// Shared by the loop and the thread: whoever leaves last frees it.
struct Lookup {
  std::string host;
  int error = 0;
  sockaddr_storage found{};
  std::atomic<bool> finished = false;
};

void look_up(Lookup& lookup) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  lookup.error = ::getaddrinfo(lookup.host.c_str(), nullptr, &hints, &list);
  if (lookup.error == 0) std::memcpy(&lookup.found, list->ai_addr, list->ai_addrlen);
  if (list != nullptr) ::freeaddrinfo(list);
  lookup.finished.store(true, std::memory_order_release);
}

Error failed(const std::string& host, const std::string& why) {
  return Error{ErrorKind::system, EHOSTUNREACH, fmt::format("look up host {}: {}", host, why)};
}

}  // namespace

Task<Result<SocketAddress>> resolve(Loop& loop, std::string host, std::uint16_t port, Instant deadline) {
  Result<SocketAddress> numeric = SocketAddress::parse(host, port);
  if (numeric) co_return numeric;

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
  Result<SocketAddress> address = SocketAddress::parse(SocketAddress::from(lookup->found).host(), port);
  co_return address;
}

}  // namespace holdfast::initiator
