#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "initiator/servers/storage.h"

namespace holdfast::initiator {

/// What a server has to work with.
struct ServerPlace {
  std::string folder;        // its own, for configuration and state
  std::string image;         // what a block server serves
  std::string tree;          // what a file server exports
  std::uint16_t port = 0;    // free ports of 127.0.0.1; the second one is for a protocol of its own
  std::uint16_t port2 = 0;
};

/// How a server is started.
struct ServerPlan {
  struct File {
    std::string path;
    std::string text;
  };
  std::vector<File> files;  // written before
  std::vector<std::string> arguments;
};

/// One server that a comparison can start by itself: a real one, as Debian has it (or our own).
struct ReferenceServer {
  enum class Serves { image, tree };

  std::string_view name;      // the word of --servers
  std::string_view product;   // "nbd-server"
  std::string_view program;   // to be run
  std::string_view packages;  // of Debian, that have it; empty for our own
  Serves serves = Serves::image;
  std::string_view version_option;
  /// How long it may take from its start until it answers, and to end.
  Duration starting{};
  Duration ending{};
  /// It picks a free port by itself and says `ready ADDR:PORT` on its output.
  bool picks_port = false;
  ServerPlan (*plan)(const ServerPlace& place) = nullptr;
  /// What `run`, counted from 1, of the comparison copies to. A file server has an empty folder
  /// `tree/RUN` for each.
  std::string (*url)(const ServerPlace& place, std::uint32_t run) = nullptr;
  /// Why it cannot run here, or well; nullptr if it always can.
  Status (*possible)(const Storage& storage) = nullptr;
};

extern const ReferenceServer holdfastd_server;
extern const ReferenceServer nbdkit_server;
extern const ReferenceServer nbd_server;
extern const ReferenceServer ganesha_v4_server;
extern const ReferenceServer ganesha_v3_server;

/// All of them, in the order in which they are compared.
std::span<const ReferenceServer* const> reference_servers();
/// The server of that name, or nullptr.
const ReferenceServer* find_reference_server(std::string_view name);

/// The path of its program, or an error that says what to install.
Result<std::string> find_server_program(const ReferenceServer& server);
/// What it says of its version, "1.32.5"; empty if it does not say.
std::string server_version(const ReferenceServer& server, const std::string& program);
/// The first number with dots in `text`: "3.24" of "This is nbd-server version 3.24".
std::string version_in(std::string_view text);

}  // namespace holdfast::initiator
