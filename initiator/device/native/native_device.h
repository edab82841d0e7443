#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "initiator/device/device.h"
#include "initiator/device/iscsi_disk.h"
#include "initiator/device/iscsi_url.h"
#include "initiator/device/native/native_session.h"

namespace holdfast::initiator {

/// A disk behind iSCSI, through our own initiator. What is sent again and what a refusal becomes are
/// the rules of `iscsi_disk.h`, as for every engine.
class NativeDevice final : public Device {
 public:
  struct Options {
    Duration open_deadline = std::chrono::seconds(10);  // for name, connection, login and probing
    std::uint32_t depth_max = 32;
    iscsi::Isid isid = IscsiLogin::random_isid();
    std::uint32_t transfer_bytes_max = 1024 * 1024;
  };

  /// Opens the URL's LUN. The URL has its password by now (`IscsiUrl::complete_password`).
  static Task<Result<std::unique_ptr<Device>>> open(Loop& loop, IscsiUrl url, Options options);
  ~NativeDevice() override;

  std::uint64_t size() const override { return facts_.bytes(); }
  std::uint32_t block_bytes() const override { return facts_.block_bytes; }
  std::uint32_t transfer_bytes_max() const override { return transfer_bytes_max_; }
  std::uint32_t depth_max() const override { return options_.depth_max; }
  bool read_only() const override { return facts_.write_protected; }
  std::string transport() const override { return "iscsi"; }
  std::map<std::string, std::string> negotiated() const override;
  std::string last_error() const override;
  bool lost() const override { return session_->failed(); }
  WireUse wire() const override;

  void submit(DeviceRequest& request) override;
  void abandon() override;
  Task<void> close(Duration deadline) override;

  std::size_t examine(std::span<ConnectionEvidence> into) const override;
  bool ping() override { return session_->ping(); }
  std::optional<PeerDoor> door() const override;

 private:
  class Slot;
  struct Slots;

  NativeDevice(Loop& loop, std::unique_ptr<NativeSession> session, LunFacts facts, const IscsiUrl& url,
               const Options& options);
  int refusal_of(const DeviceRequest& request) const;
  void send(Slot& slot);
  void prepare_transfer(Slot& slot);
  void prepare_flush(Slot& slot);
  void prepare_unmap(Slot& slot);
  static void answered(NativeCommand& command);
  /// Decides on an answer that is not GOOD: true if the command was sent again, or will be.
  bool try_again(Slot& slot);
  int judge(const Slot& slot);
  void finish(Slot& slot, int error);

  std::unique_ptr<NativeSession> session_;
  const LunFacts facts_;
  const std::uint16_t lun_;
  const std::uint16_t echo_port_;
  const Options options_;
  const std::uint32_t transfer_bytes_max_;
  bool long_flush_;  // SYNCHRONIZE CACHE(16), until it is refused
  bool has_cache_command_ = true;
  bool abandoned_ = false;
  std::uint64_t commands_ = 0;
  std::uint64_t sent_again_ = 0;
  std::string last_error_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace holdfast::initiator
