#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "initiator/device/device.h"
#include "initiator/device/nbd_connection.h"
#include "initiator/device/nbd_url.h"

namespace holdfast::initiator {

/// How many connections are worth having where the server takes them: one for every two processors
/// here, and four at most. Each brings threads or a process of the server's to life; on two processors
/// four connections made a load a third slower than one did.
std::uint32_t connections_by_processors();

/// An export of an NBD server, through libnbd, over several connections if the server says that they
/// share one cache: then a flush on any of them covers what was written on all. An error of the server
/// is an errno, with words in `last_error`. If any connection breaks, the device is lost.
class NbdDevice final : public Device, private NbdConnection::Listener {
 public:
  struct Options {
    Duration open_deadline = std::chrono::seconds(10);  // for name, connections and handshakes
    std::uint32_t depth_max = 32;
    std::uint32_t transfer_bytes_max = 1024 * 1024;
    std::uint32_t connections_max = connections_by_processors();  // where the URL does not say
  };

  static Task<Result<std::unique_ptr<Device>>> open(Loop& loop, NbdUrl url, Options options);
  ~NbdDevice() override;

  std::uint64_t size() const override { return bytes_; }
  std::uint32_t block_bytes() const override { return block_bytes_; }
  std::uint32_t transfer_bytes_max() const override { return transfer_bytes_max_; }
  std::uint32_t depth_max() const override { return options_.depth_max; }
  bool read_only() const override { return facts_.read_only; }
  std::string transport() const override { return "nbd"; }
  std::map<std::string, std::string> negotiated() const override;
  std::string last_error() const override { return last_error_; }
  bool lost() const override { return lost_; }
  WireUse wire() const override;
  std::size_t examine(std::span<ConnectionEvidence> into) const override;
  std::optional<PeerDoor> door() const override;

  void submit(DeviceRequest& request) override;
  void abandon() override;
  Task<void> close(Duration deadline) override;

 private:
  struct Slot;
  struct Slots;

  NbdDevice(Loop& loop, NbdUrl url, std::optional<SocketAddress> address, const Options& options);
  Task<Status> connect(Instant deadline);
  Task<void> connect_more(Instant deadline);
  Status measure();

  void connection_failed(NbdConnection& connection) override;
  NbdConnection& least_busy();
  int refusal_of(const DeviceRequest& request) const;
  void send(Slot& slot);
  Status start(Slot& slot);
  std::byte* memory_of(Slot& slot);
  static void answered(NbdCall& call);
  bool goes_on(Slot& slot);
  void finish(Slot& slot, int error);
  void free(Slot& slot);
  std::string words_for(const DeviceRequest& request, int error) const;

  Loop& loop_;
  const NbdUrl url_;
  const std::optional<SocketAddress> address_;
  const Options options_;
  NbdExport facts_;
  std::uint64_t bytes_ = 0;
  std::uint32_t block_bytes_ = 512;
  std::uint32_t transfer_bytes_max_ = 0;
  bool lost_ = false;
  bool abandoned_ = false;
  bool closing_ = false;
  std::uint64_t requests_ = 0;
  std::uint64_t copied_ = 0;  // requests whose memory lay in pieces
  std::string last_error_;
  std::string fewer_connections_;  // why there are not as many as we wanted
  std::vector<std::unique_ptr<NbdConnection>> connections_;
  std::size_t last_used_ = 0;
  std::unique_ptr<Slots> slots_;
};

}  // namespace holdfast::initiator
