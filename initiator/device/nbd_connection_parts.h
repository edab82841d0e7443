#pragma once

#include <string>
#include <vector>

#include "common/runtime/completion.h"
#include "initiator/device/nbd_connection.h"

namespace holdfast::initiator {

/// A wait for the socket to become ready.
class NbdConnection::Poll final : public Completion {
 public:
  explicit Poll(NbdConnection& connection) : connection_(connection) {}
  ~Poll() = default;

 private:
  void complete(std::int32_t result, bool more) override;
  NbdConnection& connection_;
};

/// Hands answers out when libnbd is not on the stack.
class NbdConnection::Delivery final : public Deferred {
 public:
  explicit Delivery(NbdConnection& connection) : connection_(connection) {}
  ~Delivery() = default;

  void push(NbdCall& call);
  void wake();
  /// Now, for a caller who knows that libnbd is not on the stack.
  void hand_out();

 private:
  void run() override;
  NbdConnection& connection_;
  NbdCall* head_ = nullptr;
  NbdCall** tail_ = &head_;
  bool told_ = false;
};

struct NbdConnection::Parts {
  explicit Parts(NbdConnection& connection) : reader(connection), writer(connection), delivery(connection) {}
  bool idle() const { return !reader.in_flight() && !writer.in_flight() && !delivery.queued(); }

  Poll reader;
  Poll writer;
  Delivery delivery;
};

/// The answer to the one option that is being negotiated.
struct NbdConnection::Negotiation {
  // libnbd's callbacks; `data` is the Negotiation.
  static int take(void* data, int* error);
  static int take_export(void* data, const char* name, const char* description);

  bool answered = false;
  int error = 0;
  std::string words;
  std::vector<std::string> exports;  // the first ones
  std::size_t exports_in_all = 0;
};

}  // namespace holdfast::initiator
