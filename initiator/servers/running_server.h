#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "initiator/servers/interrupts.h"
#include "initiator/servers/keeper.h"
#include "initiator/servers/reference_server.h"
#include "initiator/servers/storage.h"

namespace holdfast::initiator {

struct ServerRequest {
  const ReferenceServer* server = nullptr;
  std::string program;          // by `find_server_program`
  std::uint64_t image_bytes = 0;  // for a block server
  std::uint32_t runs = 1;       // so many folders for a file server
};

/// Whether a server serves this URL: talks to it as a copy would, within the time given.
using ServerProbe = std::function<Status(const std::string& url, Duration time)>;
/// Two ports of 127.0.0.1 that are free.
using PickPort = std::function<Result<std::uint16_t>()>;
Result<std::uint16_t> pick_free_port();

/// A server that was started, and answers.
class RunningServer {
 public:
  /// Starts it in `storage`, and returns when `probe` has found that it serves. A port that somebody
  /// takes before the server does costs another attempt. Fails with the server's last words, and at
  /// once with kind `cancelled` after a signal.
  static Result<std::unique_ptr<RunningServer>> start(const ServerRequest& request, const Storage& storage,
                                                      Interrupts& interrupts, const ServerProbe& probe,
                                                      const PickPort& pick_port = pick_free_port);

  const ReferenceServer& server() const { return *request_.server; }
  /// Where `run` of the comparison, counted from 1, copies to.
  std::string url(std::uint32_t run) const { return request_.server->url(place_, run); }
  /// How it ended, if it did, with its last words.
  std::optional<std::string> ended();
  /// Makes the image read as zeros. Trees are new for each run as they are.
  Status prepare() const;
  /// Lets go of what `run` has left on the storage.
  Status tidy(std::uint32_t run) const;
  void stop() { keeper_->stop(); }

 private:
  RunningServer(ServerRequest request, ServerPlace place) : request_(std::move(request)), place_(std::move(place)) {}

  static Result<std::unique_ptr<RunningServer>> lay_out(const ServerRequest& request, const Storage& storage);
  /// True: it answers. False: its port was taken.
  Result<bool> attempt(const Storage& storage, Interrupts& interrupts, const ServerProbe& probe,
                       const PickPort& pick_port);
  Result<bool> wait_until_ready(Interrupts& interrupts, const ServerProbe& probe);
  bool take_port();
  std::string last_words() const;

  ServerRequest request_;
  ServerPlace place_;
  std::optional<Keeper> keeper_;
};

}  // namespace holdfast::initiator
