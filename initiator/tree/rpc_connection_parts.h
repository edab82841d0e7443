#pragma once

#include "initiator/tree/rpc_connection.h"

// What of an RpcConnection the loop calls.

namespace holdfast::initiator {

/// A wait for the socket to become ready.
class RpcConnection::Poll final : public Completion {
 public:
  Poll(RpcConnection& connection, bool writable) : connection_(connection), writable_(writable) {}
  ~Poll() = default;

 private:
  void complete(std::int32_t result, bool) override { connection_.polled(result, writable_); }
  RpcConnection& connection_;
  const bool writable_;
};

/// Sends what was asked for in this turn, and answers what was given up.
class RpcConnection::Flush final : public Deferred {
 public:
  explicit Flush(RpcConnection& connection) : connection_(connection) {}
  ~Flush() = default;

 private:
  void run() override {
    connection_.changed_.set();
    connection_.answer_failed_calls();
    if (!connection_.failed()) connection_.send();
  }
  RpcConnection& connection_;
};

struct RpcConnection::Parts {
  explicit Parts(RpcConnection& connection)
      : reader(connection, false), writer(connection, true), flush(connection) {}
  bool idle() const { return !reader.in_flight() && !writer.in_flight() && !flush.queued(); }

  Poll reader;
  Poll writer;
  Flush flush;
};

}  // namespace holdfast::initiator
