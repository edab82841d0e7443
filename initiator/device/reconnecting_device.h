#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/scope.h"
#include "common/runtime/timer.h"
#include "initiator/device/answers.h"
#include "initiator/device/device.h"
#include "initiator/device/reconnect_rules.h"

namespace holdfast::initiator {

/// A session that broke and came back.
struct Reconnection {
  Duration lasted{};  // from the loss to the first request in the new session
  std::string words;  // why it broke, after how many attempts it was back, and what became of what was in flight
};

/// Who is told, from the loop.
class ReconnectListener {
 public:
  virtual void reconnected(const Reconnection& reconnection) = 0;

 protected:
  ~ReconnectListener() = default;
};

/// A layer over a transport's sessions: when one breaks, it seeks the peer again by our own schedule,
/// and what was in flight waits for the new session, as far as it may be sent again. Where it may not,
/// or when the time is over, or when another disk answers, the device is lost as it would be without
/// this layer. Nothing is written twice without the peer's promise (`OldCommands`).
class ReconnectingDevice final : public Device {
 public:
  /// A new session with the same peer, up within the limit.
  using Factory = std::function<Task<Result<std::unique_ptr<Device>>>(Duration limit)>;

  struct Options {
    Duration time{};  // in which the peer has to be back
    OldCommands old_commands = OldCommands::may_linger;
    /// A peer that can be pinged, is, and says nothing for so long has lost the session.
    Duration silence_max = std::chrono::seconds(5);
  };

  /// `first` is the session that there is; `listener` outlives the device and may be null.
  ReconnectingDevice(Loop& loop, std::unique_ptr<Device> first, Factory factory, const Options& options,
                     ReconnectListener* listener);
  ~ReconnectingDevice() override;

  std::uint64_t size() const override { return identity_.bytes; }
  std::uint32_t block_bytes() const override { return identity_.block_bytes; }
  std::uint32_t transfer_bytes_max() const override { return transfer_bytes_max_; }
  std::uint32_t depth_max() const override { return depth_max_; }
  bool read_only() const override { return read_only_; }
  std::string transport() const override { return transport_; }
  std::map<std::string, std::string> negotiated() const override;
  std::string last_error() const override;
  bool lost() const override { return given_up_; }
  WireUse wire() const override;

  void submit(DeviceRequest& request) override;
  void abandon() override;
  bool drained() const override { return drained_; }
  Task<void> close(Duration deadline) override;

  std::size_t examine(std::span<ConnectionEvidence> into) const override {
    return session_ == nullptr ? 0 : session_->examine(into);
  }
  bool ping() override { return is_connected() && session_->ping(); }
  std::string stuck_in() const override { return session_ == nullptr ? std::string() : session_->stuck_in(); }
  std::optional<PeerDoor> door() const override { return session_ == nullptr ? std::nullopt : session_->door(); }

 private:
  /// A request from above, and the one that goes below for it, once or more often.
  struct Slot {
    ReconnectingDevice* device = nullptr;
    DeviceRequest* request = nullptr;
    DeviceRequest below;
    std::vector<iovec> vectors;  // those below may change theirs
    std::uint64_t number = 0;    // in the order of submission
    bool was_below = false;      // it was sent, so it may have been carried out
  };
  class Pulse;

  bool is_connected() const { return session_ != nullptr && !seeking_ && !given_up_ && !abandoned_; }
  void send(Slot& slot);
  static void answered(DeviceRequest& below);
  void finish(Slot& slot, int error);
  void answer_all(int error);
  void session_broke();
  Task<void> come_back();
  bool lingers() const;
  Task<bool> seek();
  Task<void> retire_session(Duration deadline);
  void resume();
  void give_up(std::string why);
  void look_for_silence();

  Loop& loop_;
  const Factory factory_;
  const Options options_;
  ReconnectListener* const listener_;
  std::unique_ptr<Device> session_;
  const DeviceIdentity identity_;
  const std::uint32_t transfer_bytes_max_;
  const std::uint32_t depth_max_;
  const bool read_only_;
  const std::string transport_;

  std::vector<Slot> slots_;
  std::vector<Slot*> free_;
  std::vector<Slot*> waiting_;  // for the next session
  Answers answers_;
  std::uint64_t submitted_ = 0;
  std::uint32_t below_ = 0;
  std::uint64_t unflushed_ = 0;  // writes acknowledged since the last flush

  bool seeking_ = false;
  bool silent_ = false;  // we broke it ourselves
  bool given_up_ = false;
  bool abandoned_ = false;
  bool drained_ = true;
  int lost_error_ = 0;
  Instant lost_at_{};
  std::string lost_words_;
  std::string own_words_;
  std::string attempt_words_;
  int attempts_ = 0;
  std::uint32_t reconnects_ = 0;
  WireUse earlier_sessions_;
  std::map<std::string, std::string> last_facts_;
  Event changed_;
  Scope work_;
  std::unique_ptr<Pulse> pulse_;
};

}  // namespace holdfast::initiator
