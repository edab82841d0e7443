#include <fmt/format.h>

#include "initiator/servers/reference_server.h"

namespace holdfast::initiator {
namespace {

ServerPlan plan(const ServerPlace& place) {
  ServerPlan plan;
  plan.arguments = {"-f", "-i", "127.0.0.1", "-p", std::to_string(place.port), "file", "file=" + place.image};
  return plan;
}

std::string url(const ServerPlace& place, std::uint32_t) { return fmt::format("nbd://127.0.0.1:{}/", place.port); }

}  // namespace

const ReferenceServer nbdkit_server = {
    .name = "nbdkit",
    .product = "nbdkit",
    .program = "nbdkit",
    .packages = "nbdkit",
    .serves = ReferenceServer::Serves::image,
    .version_option = "--version",
    .starting = std::chrono::seconds(10),
    .ending = std::chrono::seconds(3),
    .picks_port = false,
    .plan = plan,
    .url = url,
    .possible = nullptr,
};

}  // namespace holdfast::initiator
