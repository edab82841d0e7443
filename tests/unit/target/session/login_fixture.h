#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "target/session/login.h"

namespace holdfast::target {

/// Two targets, and a book of who was let in.
class FakeReception final : public Reception {
 public:
  FakeReception() {
    targets.resize(2);
    targets[0].name = "iqn.2026-01.org.example:a";
    targets[0].alias = "first disk";
    targets[0].queued_commands = 16;
    targets[1].name = "iqn.2026-01.org.example:b";
    // The RFC's own defaults, so that a test says itself where a target differs from them.
    for (TargetConfig& target : targets) target.offered = iscsi::Parameters{};
  }

  TargetRef find_target(std::string_view name, const Caller&) override {
    for (const TargetConfig& target : targets)
      if (target.name == name) return {std::shared_ptr<void>(), &target};
    return nullptr;
  }
  std::vector<std::string> target_names(const Caller&) override {
    std::vector<std::string> names;
    for (const TargetConfig& target : targets) names.push_back(target.name);
    return names;
  }
  std::vector<std::string> target_addresses(std::string_view name, const Caller& caller) override {
    if (find_target(name, caller) == nullptr) return {};
    std::vector<std::string> addresses = {caller.local.to_string() + "," + std::to_string(portal_group)};
    addresses.insert(addresses.end(), other_addresses.begin(), other_addresses.end());
    return addresses;
  }
  std::uint16_t portal_group_of(const SocketAddress&) const override { return portal_group; }
  std::shared_ptr<const Accounts> discovery_accounts() const override {
    return {std::shared_ptr<void>(), &accounts_of_discovery};
  }
  Duration note_failed_authentication(const Caller&) override {
    ++failures;
    return {};
  }
  Admission admit(const TargetConfig&, const Caller& caller, const iscsi::Isid&) override {
    if (refuse_with) return {*refuse_with, 0};
    admitted.push_back(caller.initiator_name);
    sessions.insert(0x0777);
    return {iscsi::LoginStatus::success, 0x0777};
  }
  void withdraw(const TargetConfig&, std::uint16_t tsih) override { sessions.erase(tsih); }
  void end_sessions(const TargetConfig&, std::uint16_t, std::string_view) override {}
  Joining ask_to_join(const TargetConfig&, const Caller&, const iscsi::Isid&, std::uint16_t tsih,
                      std::uint16_t cid) override {
    asked_to_join.push_back(cid);
    if (!sessions.contains(tsih)) return {.status = iscsi::LoginStatus::session_does_not_exist};
    return live_session;
  }

  std::vector<TargetConfig> targets;
  Accounts accounts_of_discovery;
  std::uint16_t portal_group = 1;
  std::vector<std::string> other_addresses;
  int failures = 0;
  std::set<std::uint16_t> sessions;
  std::vector<std::string> admitted;
  Joining live_session{.status = iscsi::LoginStatus::too_many_connections};  // what joining one comes to
  std::vector<std::uint16_t> asked_to_join;
  std::optional<iscsi::LoginStatus> refuse_with;
};

/// "A=1;B=2" to the text of the wire, and back.
inline std::string text_of(std::string pairs) {
  if (!pairs.empty()) pairs += ';';
  std::replace(pairs.begin(), pairs.end(), ';', '\0');
  return pairs;
}
inline std::string shown(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ';');
  if (!text.empty()) text.pop_back();
  return text;
}

/// One PDU as the initiator's end sees it.
struct ReceivedPdu {
  iscsi::GenericBhs header;
  std::string data;

  template <iscsi::Bhs T>
  T as() const {
    return iscsi::as<T>(header);
  }
};

/// Our end of a connection on one side, and a peer whose bytes are written by hand on the other.
/// What the peer says is put into the socket before the conversation runs, so that no thread is
/// needed: the code under test reads no more than it should.
class ConversationTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    connect();
  }

  void connect() {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    ours_ = Fd(fds[0]);
    peer_ = Fd(fds[1]);
  }

  void write_bytes(std::string_view bytes) {
    ASSERT_EQ(::send(peer_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT),
              static_cast<ssize_t>(bytes.size()));
  }
  template <iscsi::Bhs T>
  static std::string bytes_of(T header, std::string_view data) {
    header.data_segment_bytes = static_cast<std::uint32_t>(data.size());
    const iscsi::HeaderBytes head = iscsi::to_bytes(header);
    std::string bytes(reinterpret_cast<const char*>(head.data()), head.size());
    bytes += data;
    bytes.append(iscsi::padding_of(header.data_segment_bytes), '\0');
    return bytes;
  }
  template <iscsi::Bhs T>
  void write_pdu(const T& header, std::string_view data = {}) {
    write_bytes(bytes_of(header, data));
  }

  /// Everything that came back, until the answers end.
  std::vector<ReceivedPdu> answers() {
    std::string bytes;
    char part[16'384];
    ssize_t got = 0;
    while ((got = ::recv(peer_.get(), part, sizeof part, MSG_DONTWAIT)) > 0)
      bytes.append(part, static_cast<std::size_t>(got));
    std::vector<ReceivedPdu> pdus;
    std::string_view rest = bytes;
    while (rest.size() >= iscsi::bhs_bytes) {
      ReceivedPdu pdu;
      pdu.header = iscsi::from_bytes<iscsi::GenericBhs>(
          std::as_bytes(std::span(rest)).first<iscsi::bhs_bytes>());
      const iscsi::PduLayout layout = iscsi::layout_of(pdu.header);
      const std::size_t whole = iscsi::bhs_bytes + layout.after_header();
      EXPECT_LE(whole, rest.size()) << "a PDU cut short";
      if (whole > rest.size()) break;
      pdu.data = rest.substr(iscsi::bhs_bytes, layout.data_bytes);
      rest.remove_prefix(whole);
      pdus.push_back(std::move(pdu));
    }
    EXPECT_TRUE(rest.empty()) << rest.size() << " bytes after the last PDU";
    return pdus;
  }

  FakeReception reception_;
  std::unique_ptr<Loop> loop_;
  Fd ours_;
  Fd peer_;
};

}  // namespace holdfast::target
