#include <fmt/format.h>

#include "initiator/servers/reference_server.h"

namespace holdfast::initiator {
namespace {

constexpr const char* target = "iqn.2026-11.example.holdfast:compare";

ServerPlan plan(const ServerPlace& place) {
  ServerPlan plan;
  const std::string config = place.folder + "/ietd.conf";
  // Its page cache holds writes until they are flushed, as those of all the others do.
  plan.files.push_back(
      {config, fmt::format("Target {}\n    Lun 0 Path={},Type=fileio,IOMode=wb\n", target, place.image)});
  plan.arguments = {"-f", "-c", config, "-a", "127.0.0.1", "-p", std::to_string(place.port), "--control", "none", "--ready-fd", "1"};
  return plan;
}

std::string url(const ServerPlace& place, std::uint32_t) {
  return fmt::format("iscsi://127.0.0.1:{}/{}/0", place.port, target);
}

}  // namespace

const ReferenceServer holdfastd_server = {
    .name = "holdfastd",
    .product = "holdfastd",
    .program = "holdfastd",
    .packages = "",
    .serves = ReferenceServer::Serves::image,
    .version_option = "-v",
    .starting = std::chrono::seconds(20),
    .ending = std::chrono::seconds(5),
    .picks_port = true,
    .plan = plan,
    .url = url,
    .possible = nullptr,
};

}  // namespace holdfast::initiator
