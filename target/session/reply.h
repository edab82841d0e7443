#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/iscsi/pdu.h"
#include "target/config/config.h"
#include "target/session/sender.h"

namespace holdfast::target {

class ReplyStock;

/// A PDU of ours that is no SCSI command's: NOP-In, Text and Logout Response, Reject.
class Reply final : public Outgoing {
 public:
  explicit Reply(ReplyStock& stock) : stock_(stock) {}

 private:
  friend class ReplyStock;
  Fill fill(iscsi::Batch& batch, Numbers& numbers) override;
  void released() override;

  ReplyStock& stock_;
  // Every such PDU has its numbers where NOP-In has them, so this picture serves for all.
  iscsi::NopInBhs header_;
  StatSn stat_sn_ = StatSn::takes;
  std::vector<std::byte> data_;
};

/// One connection's replies: a bounded number, with a bounded amount of data. When there is no
/// room, the connection reads nothing until the peer has taken what waits for it; then there is.
class ReplyStock {
 public:
  static constexpr std::size_t replies_max = 32;
  /// Beside those that a PDU of the peer's asks for: a ping, a last message, and answers to Logouts of
  /// other connections.
  static constexpr std::size_t unasked_max = 2 + session_connections_max;
  static constexpr std::size_t waiting_bytes_enough = 256 * 1024;

  explicit ReplyStock(Sender& sender) : sender_(sender) {}

  /// Whether any PDU that arrives now can be replied to.
  bool has_room() const {
    return replies_.size() - free_.size() < replies_max && waiting_bytes_ < waiting_bytes_enough;
  }

  /// Queues a reply. There is room.
  template <iscsi::Bhs T>
  void send(const T& header, StatSn stat_sn = StatSn::takes, std::vector<std::byte> data = {}) {
    queue(iscsi::as<iscsi::NopInBhs>(header), stat_sn, std::move(data));
  }

 private:
  friend class Reply;
  void queue(iscsi::NopInBhs header, StatSn stat_sn, std::vector<std::byte> data);
  void released(Reply& reply);

  Sender& sender_;
  std::vector<std::unique_ptr<Reply>> replies_;
  std::vector<Reply*> free_;
  std::size_t waiting_bytes_ = 0;
};

}  // namespace holdfast::target
