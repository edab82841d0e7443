#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "initiator/device/device.h"
#include "initiator/device/iscsi_disk.h"
#include "initiator/device/iscsi_url.h"
#include "initiator/device/libiscsi_session.h"

namespace holdfast::initiator {

/// A disk behind iSCSI, through libiscsi. BUSY and TASK SET FULL are sent again after a pause, a unit
/// attention or an aborted command at once, all a bounded number of times; every other refusal and a
/// broken connection end the request with an errno, and `last_error` has the words.
class LibiscsiDevice final : public Device {
 public:
  struct Options {
    Duration open_deadline = std::chrono::seconds(10);  // for name, connection, login and probing
    std::uint32_t depth_max = 32;
    iscsi::Isid isid = IscsiLogin::random_isid();
    std::uint32_t transfer_bytes_max = 1024 * 1024;
  };

  /// Opens the URL's LUN. The URL has its password by now (`IscsiUrl::complete_password`).
  static Task<Result<std::unique_ptr<Device>>> open(Loop& loop, IscsiUrl url, Options options);
  ~LibiscsiDevice() override;

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
  std::size_t examine(std::span<ConnectionEvidence> into) const override;
  bool ping() override { return session_->ping(); }
  std::optional<PeerDoor> door() const override;

  void submit(DeviceRequest& request) override;
  void abandon() override;
  Task<void> close(Duration deadline) override;

 private:
  class Slot;
  struct Slots;

  LibiscsiDevice(Loop& loop, std::unique_ptr<LibiscsiSession> session, LunFacts facts, const IscsiUrl& url,
                 const Options& options);
  int refusal_of(const DeviceRequest& request) const;
  void send(Slot& slot);
  scsi_task* start(Slot& slot);
  scsi_task* start_flush(Slot& slot);
  scsi_task* start_unmap(Slot& slot);
  static void answered(LibiscsiCall& call);
  void finish(Slot& slot, int error);
  /// Decides on an answer that is not GOOD: true if the command was sent again, or will be.
  bool try_again(Slot& slot, const ScsiAnswer& answer);
  int judge(Slot& slot, const ScsiAnswer& answer);

  Loop& loop_;
  std::unique_ptr<LibiscsiSession> session_;
  const LunFacts facts_;
  const std::uint16_t lun_;
  const std::uint16_t echo_port_;
  const Options options_;
  std::uint32_t transfer_bytes_max_ = 0;
  bool long_flush_;               // SYNCHRONIZE CACHE(16), until it is refused
  bool has_cache_command_ = true;
  bool abandoned_ = false;
  std::uint64_t commands_ = 0;
  std::uint64_t sent_again_ = 0;
  std::map<std::string, std::string> negotiated_;
  std::string last_error_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace holdfast::initiator
