#include <fmt/format.h>

#include "initiator/servers/reference_server.h"

namespace holdfast::initiator {
namespace {

ServerPlan plan(const ServerPlace& place) {
  ServerPlan plan;
  const std::string config = place.folder + "/nbd-server.conf";
  plan.files.push_back({config, fmt::format("[generic]\n"
                                            "    listenaddr = 127.0.0.1\n"
                                            "    port = {}\n"
                                            "[disk]\n"
                                            "    exportname = {}\n"
                                            "    flush = true\n"
                                            "    fua = true\n"
                                            "    trim = true\n",
                                            place.port, place.image)});
  // It goes into the background, since in the foreground it serves one connection and quits.
  plan.arguments = {"-C", config, "-p", place.folder + "/pid"};
  return plan;
}

std::string url(const ServerPlace& place, std::uint32_t) { return fmt::format("nbd://127.0.0.1:{}/disk", place.port); }

}  // namespace

const ReferenceServer nbd_server = {
    .name = "nbd-server",
    .product = "nbd-server",
    .program = "nbd-server",
    .packages = "nbd-server",
    .serves = ReferenceServer::Serves::image,
    .version_option = "-V",
    .starting = std::chrono::seconds(10),
    .ending = std::chrono::seconds(3),
    .picks_port = false,
    .plan = plan,
    .url = url,
    .possible = nullptr,
};

}  // namespace holdfast::initiator
