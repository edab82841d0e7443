#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/runtime/fd.h"

namespace holdfast::testing_support {

/// An iSCSI target that does what a test tells it to, right or wrong: one disk of 1 MiB with blocks
/// of 512 bytes as LUN 0, on a thread of its own with plain blocking sockets. Writes carry at most
/// 8 KiB, all of it immediate data.
class ScriptedTarget {
 public:
  static constexpr std::uint64_t disk_bytes = 1 << 20;
  static constexpr const char* target = "iqn.2026-11.example.test:scripted";

  using Cdb = std::array<std::uint8_t, 16>;

  /// What becomes of a command.
  struct Reply {
    enum class Act { answer, ignore, close, garbage };
    Act act = Act::answer;
    std::uint8_t status = 0;
    std::uint8_t sense_key = 0;
    std::uint16_t asc_ascq = 0;
    std::vector<std::uint8_t> data{};
    std::uint32_t underflow = 0;  // bytes that are missing, by the response's word

    static Reply sense(std::uint8_t key, std::uint16_t asc_ascq) {
      return {.status = 2, .sense_key = key, .asc_ascq = asc_ascq};
    }
    static Reply status_only(std::uint8_t status) { return {.status = status}; }
  };

  /// What becomes of a login.
  enum class Greeting { accept, ignore, close, garbage, refuse, redirect };

  struct Script {
    Greeting greeting = Greeting::accept;
    std::string redirect_to{};
    bool ignore_logout = false;
    /// Called for every command, with what a decent disk would answer.
    std::function<Reply(const Cdb&, Reply usual)> on_command = [](const Cdb&, Reply usual) { return usual; };
  };

  /// On a free port, or on `port`.
  explicit ScriptedTarget(Script script, std::uint16_t port = 0);
  ~ScriptedTarget();
  ScriptedTarget(const ScriptedTarget&) = delete;
  ScriptedTarget& operator=(const ScriptedTarget&) = delete;

  std::uint16_t port() const { return port_; }
  /// "iscsi://127.0.0.1:PORT/IQN/0".
  std::string url() const;
  int connections() const { return connections_; }
  int commands() const { return commands_; }
  /// Sends bytes that are no PDU on the connection that is open.
  void send_garbage() { garbage_wanted_ = true; }

 private:
  using Header = std::array<std::uint8_t, 48>;

  void serve();
  void serve_connection(int fd);
  bool wait_for(int fd);
  bool read_exactly(int fd, void* data, std::size_t bytes);
  bool read_pdu(int fd, Header& header, std::vector<std::uint8_t>& data);
  void send_pdu(int fd, Header header, std::span<const std::uint8_t> data);
  bool log_in(int fd, const Header& request);
  bool execute(int fd, const Header& request, std::span<const std::uint8_t> immediate);
  Reply usual_reply(const Cdb& cdb, std::span<const std::uint8_t> immediate);
  void respond(int fd, const Header& request, const Reply& reply);

  Script script_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::vector<std::uint8_t> disk_;
  std::uint32_t stat_sn_ = 0;
  std::uint32_t exp_cmd_sn_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> commands_ = 0;
  std::atomic<bool> garbage_wanted_ = false;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace holdfast::testing_support
