#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "common/runtime/process.h"
#include "initiator/servers/reference_server.h"

namespace holdfast::initiator {
namespace {

// The programs that an NFS server registers with rpcbind (RFC 1813).
constexpr const char* nfs_program = " 100003 ";
constexpr const char* mount_program = " 100005 ";

ServerPlan plan(const ServerPlace& place, int version) {
  ServerPlan plan;
  const std::string config = place.folder + "/ganesha.conf";
  // Owners go over the wire as numbers, since a copy is by number; attributes of files that somebody
  // else changes are no concern, since every run has a folder of its own.
  plan.files.push_back({config, fmt::format("NFS_CORE_PARAM {{\n"
                                            "    NFS_Protocols = {0};\n"
                                            "    Bind_addr = 127.0.0.1;\n"
                                            "    NFS_Port = {1};\n"
                                            "    MNT_Port = {2};\n"
                                            "    Enable_UDP = false;\n"
                                            "    Enable_NLM = false;\n"
                                            "    Enable_RQUOTA = false;\n"
                                            "    mount_path_pseudo = true;\n"
                                            "}}\n"
                                            "NFSv4 {{\n"
                                            "    Graceless = true;\n"
                                            "    RecoveryRoot = {3};\n"
                                            "    Only_Numeric_Owners = true;\n"
                                            "}}\n"
                                            "EXPORT {{\n"
                                            "    Export_Id = 1;\n"
                                            "    Path = {4};\n"
                                            "    Pseudo = /export;\n"
                                            "    Access_Type = RW;\n"
                                            "    Squash = No_Root_Squash;\n"
                                            "    SecType = sys;\n"
                                            "    Protocols = {0};\n"
                                            "    Transports = TCP;\n"
                                            "    FSAL {{ Name = VFS; }}\n"
                                            "}}\n",
                                            version, place.port, place.port2, place.folder, place.tree)});
  plan.arguments = {"-F", "-f", config, "-L", "STDERR", "-p", place.folder + "/pid"};
  return plan;
}

ServerPlan plan_v4(const ServerPlace& place) { return plan(place, 4); }
ServerPlan plan_v3(const ServerPlace& place) { return plan(place, 3); }

std::string url_v4(const ServerPlace& place, std::uint32_t run) {
  return fmt::format("nfs://127.0.0.1/export/{}?version=4&nfsport={}", run, place.port);
}
std::string url_v3(const ServerPlace& place, std::uint32_t run) {
  return fmt::format("nfs://127.0.0.1/export/{}?version=3&nfsport={}&mountport={}", run, place.port, place.port2);
}

Status possible_v4(const Storage& storage) {
  const Status opened = storage.opens_by_handle();
  if (opened) return Status();
  if (::geteuid() != 0)
    return Error{ErrorKind::refused, EPERM, "nfs-ganesha's VFS opens files by handle, which takes root: run as root"};
  return Error{ErrorKind::refused, opened.error().code,
               fmt::format("nfs-ganesha's VFS opens files by handle, which {} does not allow ({}): choose another "
                           "place by --storage",
                           storage.filesystem(), opened.error().message)};
}

/// Version 3 tells rpcbind where it is, and does not start without.
Status possible_v3(const Storage& storage) {
  if (Status possible = possible_v4(storage); !possible) return possible;
  ProcessRequest request;
  request.program = "rpcinfo";
  request.arguments = {"-p", "127.0.0.1"};
  request.keep_output = true;
  request.deadline = std::chrono::seconds(5);
  const Result<ProcessOutcome> outcome = run_process_and_wait(request);
  if (!outcome || !outcome->succeeded())
    return Error{ErrorKind::refused, ENOTCONN,
                 "version 3 needs rpcbind, which does not answer: apt-get install rpcbind, then systemctl start rpcbind"};
  const std::string& there = outcome->error_output;
  if (there.find(nfs_program) != std::string::npos || there.find(mount_program) != std::string::npos)
    return Error{ErrorKind::refused, EADDRINUSE,
                 "version 3 would take the place of the NFS server that is registered with rpcbind here: name that "
                 "one's export as nfs://127.0.0.1/PATH?version=3 instead"};
  return Status();
}

constexpr ReferenceServer ganesha(std::string_view name) {
  ReferenceServer server;
  server.name = name;
  server.product = "nfs-ganesha";
  server.program = "ganesha.nfsd";
  server.packages = "nfs-ganesha nfs-ganesha-vfs";
  server.serves = ReferenceServer::Serves::tree;
  server.version_option = "-v";
  server.starting = std::chrono::seconds(30);
  server.ending = std::chrono::seconds(8);
  return server;
}

constexpr ReferenceServer make_v4() {
  ReferenceServer server = ganesha("ganesha-v4");
  server.plan = plan_v4;
  server.url = url_v4;
  server.possible = possible_v4;
  return server;
}

constexpr ReferenceServer make_v3() {
  ReferenceServer server = ganesha("ganesha-v3");
  server.plan = plan_v3;
  server.url = url_v3;
  server.possible = possible_v3;
  return server;
}

}  // namespace

const ReferenceServer ganesha_v4_server = make_v4();
const ReferenceServer ganesha_v3_server = make_v3();

}  // namespace holdfast::initiator
