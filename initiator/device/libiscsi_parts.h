#pragma once

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>

#include <utility>

#include "common/runtime/completion.h"
#include "initiator/device/libiscsi_session.h"
#include "initiator/device/scsi_command.h"

// What a libiscsi session has with the loop, and its commands.

namespace holdfast::initiator {

/// A command as libiscsi carries it.
class LibiscsiSession::Transfer final : public ScsiCommand {
 public:
  LibiscsiCall call;
  const scsi_task* task = nullptr;  // libiscsi's, while it has not answered
  Instant sent{};
};

/// A wait for the socket to become ready.
class LibiscsiSession::Poll final : public Completion {
 public:
  explicit Poll(LibiscsiSession& session) : session_(session) {}
  ~Poll() = default;

 private:
  void complete(std::int32_t result, bool) override { session_.polled(result); }
  LibiscsiSession& session_;
};

/// Sends what was queued in this turn.
class LibiscsiSession::Flush final : public Deferred {
 public:
  explicit Flush(LibiscsiSession& session) : session_(session) {}
  ~Flush() = default;

 private:
  void run() override {
    session_.changed_.set();
    if (session_.failed()) return;
    session_.last_sent_ = session_.loop_.now();
    if ((iscsi_which_events(session_.context_) & POLLOUT) != 0) session_.service(POLLOUT);
    session_.watch_socket();
  }
  LibiscsiSession& session_;
};

/// Hands answers out when libiscsi is not on the stack.
class LibiscsiSession::Delivery final : public Deferred {
 public:
  explicit Delivery(LibiscsiSession& session) : session_(session) {}
  ~Delivery() = default;

  void push(LibiscsiCall& call) {
    call.next_ = nullptr;
    *tail_ = &call;
    tail_ = &call.next_;
    if (!queued()) session_.loop_.defer(*this);
  }

 private:
  void run() override {
    LibiscsiCall* call = std::exchange(head_, nullptr);
    tail_ = &head_;
    session_.changed_.set();
    while (call != nullptr) {
      LibiscsiCall* next = call->next_;
      call->done(*call);
      call = next;
    }
  }
  LibiscsiSession& session_;
  LibiscsiCall* head_ = nullptr;
  LibiscsiCall** tail_ = &head_;
};

struct LibiscsiSession::Parts {
  explicit Parts(LibiscsiSession& session)
      : reader(session), writer(session), flush(session), delivery(session) {}
  bool idle() const {
    return !reader.in_flight() && !writer.in_flight() && !flush.queued() && !delivery.queued();
  }

  Poll reader;
  Poll writer;
  Flush flush;
  Delivery delivery;
};

}  // namespace holdfast::initiator
