#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/iscsi/digest.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "initiator/device/native/native_session.h"

// A native session whose target is the test itself: it sees what is sent, and says what it likes.

namespace holdfast::initiator {

/// A PDU as it came from the session.
struct SentPdu {
  iscsi::GenericBhs header;
  std::string data;

  template <iscsi::Bhs T>
  T as() const {
    return iscsi::as<T>(header);
  }
};

class HandFed : public testing::Test {
 protected:
  static constexpr std::uint32_t first_cmd_sn = 100;
  static constexpr std::uint32_t first_stat_sn = 7;

  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    parameters_.our_max_recv_data_segment_length = 8192;
    parameters_.peer_max_recv_data_segment_length = 1024;
    parameters_.first_burst_length = 4096;
    parameters_.max_burst_length = 16384;
    parameters_.initial_r2t = false;
    parameters_.max_outstanding_r2t = 2;
    options_.commands_max = 8;
  }

  void TearDown() override {
    if (session_ != nullptr) loop_->run(session_->close(Duration(0)));
    for (Command& command : commands_) EXPECT_EQ(command.done_calls, command.submitted) << "answered once";
    session_.reset();
    loop_.reset();
    sent_.clear();
  }

  void begin(std::uint32_t window = 8) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    target_ = Fd(ends[1]);
    ::fcntl(target_.get(), F_SETFL, O_NONBLOCK);
    LoggedIn in;
    in.fd = Fd(ends[0]);
    in.parameters = parameters_;
    in.cmd_sn = first_cmd_sn;
    in.max_cmd_sn = first_cmd_sn + window - 1;
    in.exp_stat_sn = stat_sn_ = first_stat_sn;
    in.tsih = 1;
    in.portal = "hand:1";
    max_cmd_sn_ = in.max_cmd_sn;
    session_ = std::make_unique<NativeSession>(*loop_, std::move(in), options_);
  }

  struct Command {
    NativeCommand command;
    std::string memory;
    std::vector<iovec> pieces;
    int submitted = 0;
    int done_calls = 0;
  };

  /// Submits a command whose memory lies in pieces of `piece` bytes.
  Command& submit(NativeCommand::Direction direction, std::uint32_t bytes, std::size_t piece = 700) {
    Command& one = commands_.emplace_back();
    one.memory.resize(bytes, '-');
    if (direction == NativeCommand::Direction::write)
      for (std::size_t i = 0; i < bytes; ++i) one.memory[i] = static_cast<char>('a' + i % 23 + i / 1000 % 3);
    for (std::size_t at = 0; at < bytes; at += piece)
      one.pieces.push_back({one.memory.data() + at, std::min(piece, bytes - at)});
    one.command.direction = direction;
    one.command.bytes = bytes;
    one.command.memory = one.pieces;
    one.command.owner = &one;
    one.command.done = [](ScsiCommand& command) { ++static_cast<Command*>(command.owner)->done_calls; };
    ++one.submitted;
    session_->submit(one.command);
    return one;
  }
  Command& read(std::uint32_t bytes) { return submit(NativeCommand::Direction::read, bytes); }
  Command& write(std::uint32_t bytes) { return submit(NativeCommand::Direction::write, bytes); }

  /// Lets the session do what it can do now.
  void settle() { loop_->run(a_few_turns(*loop_)); }

  /// What the session has sent and was not looked at yet.
  std::optional<SentPdu> next_sent() {
    settle();
    char bytes[65536];
    for (ssize_t got; (got = ::recv(target_.get(), bytes, sizeof bytes, 0)) > 0;)
      sent_.append(bytes, static_cast<std::size_t>(got));
    const iscsi::Digests digests{parameters_.header_digest, parameters_.data_digest};
    if (sent_.size() < iscsi::bhs_bytes) return std::nullopt;
    SentPdu pdu;
    std::memcpy(static_cast<void*>(&pdu.header), sent_.data(), sizeof pdu.header);
    const iscsi::PduLayout layout = iscsi::layout_of(pdu.header, digests);
    const std::size_t before_data = iscsi::bhs_bytes + layout.ahs_bytes + layout.header_digest_bytes;
    if (sent_.size() < iscsi::bhs_bytes + layout.after_header()) return std::nullopt;
    pdu.data = sent_.substr(before_data, layout.data_bytes);
    sent_.erase(0, iscsi::bhs_bytes + layout.after_header());
    return pdu;
  }

  /// The bytes of a PDU from the target, its numbers filled in unless `raw`.
  template <iscsi::Bhs T>
  std::string bytes_of(T header, const std::string& data, bool takes_stat_sn) {
    auto numbered = iscsi::as<iscsi::ScsiResponseBhs>(header);
    if (takes_stat_sn) numbered.stat_sn = stat_sn_++;
    numbered.exp_cmd_sn = first_cmd_sn;
    numbered.max_cmd_sn = max_cmd_sn_;
    numbered.data_segment_bytes = static_cast<std::uint32_t>(data.size());
    const iscsi::HeaderBytes head = iscsi::to_bytes(numbered);
    std::string bytes(reinterpret_cast<const char*>(head.data()), head.size());
    if (parameters_.header_digest) append_digest(bytes, bytes);
    if (data.empty()) return bytes;
    std::string padded = data;
    padded.resize((data.size() + 3) / 4 * 4);
    bytes += padded;
    if (parameters_.data_digest) append_digest(bytes, padded);
    return bytes;
  }
  void say(const std::string& bytes) {
    ASSERT_EQ(::send(target_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  template <iscsi::Bhs T>
  void say(T header, const std::string& data = {}, bool takes_stat_sn = true) {
    say(bytes_of(header, data, takes_stat_sn));
  }

  static iscsi::DataInBhs data_in(const Command& command, std::uint32_t data_sn, std::uint32_t offset, bool last) {
    iscsi::DataInBhs header;
    header.flags = last ? iscsi::final_bit | iscsi::DataInBhs::status_bit : 0;
    header.initiator_task_tag = command.command.initiator_task_tag;
    header.data_sn = data_sn;
    header.buffer_offset = offset;
    return header;
  }
  static iscsi::R2tBhs r2t(const Command& command, std::uint32_t r2t_sn, std::uint32_t offset, std::uint32_t bytes) {
    iscsi::R2tBhs header;
    header.initiator_task_tag = command.command.initiator_task_tag;
    header.target_transfer_tag = 50 + r2t_sn;
    header.r2t_sn = r2t_sn;
    header.buffer_offset = offset;
    header.desired_data_transfer_length = bytes;
    return header;
  }
  static iscsi::ScsiResponseBhs response(const Command& command, std::uint8_t status = 0) {
    iscsi::ScsiResponseBhs header;
    header.initiator_task_tag = command.command.initiator_task_tag;
    header.status = status;
    return header;
  }
  std::string failure() const { return session_->failed() ? session_->failure().message : ""; }

  std::unique_ptr<Loop> loop_;
  iscsi::Parameters parameters_;
  NativeSession::Options options_;
  std::unique_ptr<NativeSession> session_;
  Fd target_;
  std::deque<Command> commands_;
  std::uint32_t stat_sn_ = first_stat_sn;
  std::uint32_t max_cmd_sn_ = 0;

 private:
  static Task<void> a_few_turns(Loop& loop) {
    for (int i = 0; i < 4; ++i) co_await sleep_for(loop, std::chrono::microseconds(200));
  }
  static void append_digest(std::string& bytes, const std::string& over) {
    iscsi::Crc32c crc;
    crc.add(std::as_bytes(std::span(over)));
    const iscsi::DigestBytes digest = crc.wire();
    bytes.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  }

  std::string sent_;
};

}  // namespace holdfast::initiator
