#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "initiator/device/device.h"
#include "initiator/device/iscsi_disk.h"
#include "initiator/device/iscsi_session.h"
#include "initiator/device/lun_probe.h"
#include "initiator/device/scsi_command.h"

namespace holdfast::initiator {

/// A disk behind iSCSI, whichever engine its session is of. BUSY and TASK SET FULL are sent again after a
/// pause, a unit attention or an aborted command at once, all a bounded number of times; every other
/// refusal and a broken connection end the request with an errno, and `last_error` has the words.
class IscsiDevice final : public Device {
 public:
  struct Settings {
    std::uint16_t lun = 0;
    std::uint16_t echo_port = 0;
    std::uint32_t depth_max = 32;
    std::uint32_t transfer_bytes_max = 1024 * 1024;
  };

  /// The LUN that `facts` are about. The session was made for `depth_max` commands.
  IscsiDevice(Loop& loop, std::unique_ptr<IscsiSession> session, LunFacts facts, const Settings& settings);
  ~IscsiDevice() override;

  std::uint64_t size() const override { return facts_.bytes(); }
  std::uint32_t block_bytes() const override { return facts_.block_bytes; }
  std::uint32_t transfer_bytes_max() const override { return transfer_bytes_max_; }
  std::uint32_t depth_max() const override { return settings_.depth_max; }
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

  int refusal_of(const DeviceRequest& request) const;
  void send(Slot& slot);
  void prepare_transfer(Slot& slot);
  void prepare_flush(Slot& slot);
  void prepare_unmap(Slot& slot);
  static void answered(ScsiCommand& command);
  /// Decides on an answer that is not GOOD: true if the command was sent again, or will be.
  bool try_again(Slot& slot);
  int judge(const Slot& slot);
  void finish(Slot& slot, int error);

  std::unique_ptr<IscsiSession> session_;
  const LunFacts facts_;
  const Settings settings_;
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
