#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"
#include "initiator/cli/verbs.h"
#include "initiator/engine/discovery.h"
#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

using FoundTargets = Result<std::vector<FoundTarget>>;

constexpr Duration step = std::chrono::seconds(10);

Task<void> ask(Loop& loop, const IscsiUrl& url, IscsiEngine engine, std::unique_ptr<FoundTargets>& answer) {
  IscsiUrl portal = url;
  FoundTargets found = co_await discover(loop, std::move(portal), engine, step);
  answer = std::make_unique<FoundTargets>(std::move(found));
}

std::string lun_line(const FoundLun& lun) {
  const LunFacts& facts = lun.facts;
  std::string line = fmt::format("  LUN {:<4} {:<10} {:>10}", lun.number, peripheral_type_name(facts.peripheral_type),
                                 facts.blocks == 0 ? "-" : bytes_text(facts.bytes()));
  const std::pair<const char*, const std::string&> words[] = {
      {"vendor", facts.vendor}, {"product", facts.product}, {"revision", facts.revision}, {"serial", facts.serial}};
  for (const auto& [name, value] : words)
    if (!value.empty()) line += fmt::format("  {} {}", name, value);
  if (facts.write_protected) line += "  read-only";
  if (!lun.problem.empty()) line += fmt::format("  ({})", lun.problem);
  return line;
}

std::string listing(const IscsiUrl& url, const std::vector<FoundTarget>& targets) {
  std::string text;
  for (const FoundTarget& target : targets) {
    text += printable_text(target.name) + "\n";
    for (const std::string& portal : target.portals) text += "  portal   " + printable_text(portal) + "\n";
    if (!target.problem.empty()) text += "  cannot be looked into: " + printable_text(target.problem) + "\n";
    for (const FoundLun& lun : target.luns) text += printable_text(lun_line(lun)) + "\n";
  }
  if (targets.empty()) text += fmt::format("{} offers no target to us\n", url.portal());
  return text;
}

}  // namespace

int discover_verb(const std::string& text, IscsiEngine engine) {
  Result<IscsiUrl> url = IscsiUrl::parse_portal(text);
  if (!url) return complain(url.error(), exit_usage);
  Status complete = url->complete_password(std::getenv("HOLDFAST_PASSWORD"), std::getenv("HOLDFAST_TARGET_PASSWORD"));
  if (!complete) return complain(complete.error(), exit_usage);
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!loop) return complain(loop.error(), exit_not_started);
  std::unique_ptr<FoundTargets> answer;
  (*loop)->run(ask(**loop, *url, engine, answer));
  const FoundTargets& targets = *answer;
  if (!targets) return complain(targets.error(), exit_not_started);
  std::fputs(listing(*url, *targets).c_str(), stdout);
  return 0;
}

}  // namespace holdfast::initiator
