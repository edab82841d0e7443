// A reload, step by step. Until everything that comes is open nothing is touched; from then on nothing
// can fail but what had to wait for a file that another Lun still held.

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "common/base/log.h"
#include "target/admin/administrator.h"
#include "target/admin/crew_call.h"
#include "target/config/load.h"
#include "target/config/write_config.h"
#include "target/store/file_store.h"

namespace holdfast::target {
namespace {

/// How long a Lun that comes waits for one that goes and has the same file.
constexpr Duration handover_max = std::chrono::seconds(15);
constexpr Duration look_again_after = std::chrono::milliseconds(10);
constexpr std::size_t units_in_a_turn = 16;

void log_lines(LogLevel level, std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    log(level, "{}", line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
}

const LunConfig* find_lun(const TargetConfig& target, std::uint32_t number) {
  const auto found = std::find_if(target.luns.begin(), target.luns.end(),
                                  [number](const LunConfig& lun) { return lun.number == number; });
  return found == target.luns.end() ? nullptr : &*found;
}

const TargetConfig& find_target(const Config& config, const std::string& name) {
  return *std::find_if(config.targets.begin(), config.targets.end(),
                       [&name](const TargetConfig& target) { return target.name == name; });
}

std::string count(std::size_t number, const char* what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

Error not_reloaded(const std::string& why) {
  log_lines(LogLevel::error, why);
  log(LogLevel::error, "the configuration cannot be served; nothing is changed");
  return Error{ErrorKind::invalid_input, EINVAL, why + "nothing is changed"};
}

}  // namespace

struct Administrator::Reload {
  ParsedConfig parsed;
  ReloadPlan plan;
  /// Lun numbers that go, by target.
  std::map<std::string, std::vector<std::uint32_t>> going;
  std::vector<ComingLun> coming;
  std::vector<ComingLun> late;  // those that waited
  StoreClaims free;             // without those that go
  std::string said;             // about the new file
  std::string failures;         // of what waited

  std::string summary() const;
};

std::string Administrator::Reload::summary() const {
  std::size_t luns_going = 0;
  for (const auto& [name, numbers] : going) luns_going += numbers.size();
  if (plan.empty()) return "nothing in it has changed\n";
  return fmt::format("{} added, {} removed, {} changed; {} added, {} removed{}\n", count(plan.added.size(), "target"),
                     plan.removed.size(), plan.changed.size(), count(coming.size(), "Lun"), luns_going,
                     plan.discovery_accounts ? "; users of discovery changed" : "");
}

/// Reads the file and compares it with what is served, without holding up the loop.
Task<void> Administrator::load(Reload& reload) {
  const Config now = running();
  const std::function<void()> work = [this, &reload, &now] {
    reload.parsed = load_config(settings_.config, {}, settings_.rigour);
    reload.plan = plan_reload(now, reload.parsed.config);
  };
  co_await on_crew(crew_, work);
  for (const Diagnostic& said : reload.parsed.diagnostics) reload.said += said.to_string() + "\n";
}

/// Which of what comes is on a file that a Lun still has which goes.
Task<void> Administrator::find_what_waits(Reload& reload) {
  reload.free = targets_.claims();
  for (const auto& [name, numbers] : reload.going) {
    const ServedTarget& target = *targets_.find(name);
    for (std::uint32_t number : numbers) {
      const auto claim = target.claims.find(number);
      if (claim != target.claims.end()) reload.free.remove(claim->second);
    }
  }
  const StoreClaims all = targets_.claims();
  const std::function<void()> look = [&reload, &all] {
    for (ComingLun& coming : reload.coming) {
      if (coming.lun->path.empty()) continue;
      const std::optional<StoreIdentity> identity = identify_store(coming.lun->path);
      const bool read_only = coming.lun->mode == IoMode::read_only;
      coming.waits = identity && all.in_the_way(*identity, read_only) != nullptr;
    }
  };
  co_await on_crew(crew_, look);
}

void Administrator::note_what_goes(Reload& reload) const {
  for (const std::string& name : reload.plan.removed)
    for (const LunConfig& lun : targets_.find(name)->config->luns) reload.going[name].push_back(lun.number);
  for (const TargetChange& change : reload.plan.changed) {
    std::vector<std::uint32_t> numbers = change.removed;
    numbers.insert(numbers.end(), change.replaced.begin(), change.replaced.end());
    if (!numbers.empty()) reload.going[change.name] = std::move(numbers);
  }
}

void Administrator::note_what_comes(Reload& reload) const {
  const auto add = [&](const TargetConfig& target, std::uint32_t number) {
    ComingLun coming;
    coming.target = &target;
    coming.lun = find_lun(target, number);
    reload.coming.push_back(std::move(coming));
  };
  for (const std::string& name : reload.plan.added) {
    const TargetConfig& target = find_target(reload.parsed.config, name);
    for (const LunConfig& lun : target.luns) add(target, lun.number);
  }
  for (const TargetChange& change : reload.plan.changed) {
    const TargetConfig& target = find_target(reload.parsed.config, change.name);
    for (std::uint32_t number : change.added) add(target, number);
    for (std::uint32_t number : change.replaced) add(target, number);
  }
}

/// Sessions of targets that go are asked to log out; Luns that go finish what they have.
Task<void> Administrator::let_go(Reload& reload) {
  for (const std::string& name : reload.plan.removed) remove_target(*targets_.find(name));
  for (const TargetChange& change : reload.plan.changed) {
    ServedTarget& target = *targets_.find(change.name);
    const auto going = reload.going.find(change.name);
    if (going == reload.going.end()) continue;
    const TargetRef before = target.config;
    const std::set<std::uint32_t> numbers(going->second.begin(), going->second.end());
    TargetConfig changed = *before;
    std::erase_if(changed.luns, [&numbers](const LunConfig& lun) { return numbers.contains(lun.number); });
    set_config(target, std::move(changed));
    std::size_t retired = 0;
    for (const LunConfig& lun : before->luns) {
      if (!numbers.contains(lun.number)) continue;
      keeper_.retire(target, lun);
      if (++retired % units_in_a_turn == 0) co_await sleep_for(loop_, Duration(0));
    }
  }
}

/// For logins from now on: who is logged in keeps what was negotiated.
void Administrator::change_settings(const Reload& reload) {
  const Config& wanted = reload.parsed.config;
  if (reload.plan.discovery_accounts) targets_.set_discovery_accounts(wanted.discovery_accounts);
  for (const TargetChange& change : reload.plan.changed) {
    if (!change.settings && !change.accounts) continue;
    ServedTarget& target = *targets_.find(change.name);
    TargetConfig changed = find_target(wanted, change.name);
    changed.luns = target.config->luns;
    set_config(target, std::move(changed));
  }
  for (const std::string& name : reload.plan.added) {
    TargetConfig added = find_target(wanted, name);
    added.luns.clear();
    targets_.add(std::make_shared<const TargetConfig>(std::move(added)), std::make_shared<ScsiTarget>(name));
  }
}

/// A few at a time, so that others get their turns of the loop.
Task<void> Administrator::serve(std::vector<ComingLun>& coming) {
  std::map<ServedTarget*, TargetConfig> changed;
  std::size_t served = 0;
  for (ComingLun& one : coming) {
    if (one.waits || one.unit == nullptr) continue;
    ServedTarget* target = targets_.find(one.target->name);
    changed.try_emplace(target, *target->config).first->second.luns.push_back(*one.lun);
    targets_.add_unit(*target, std::move(one.unit), one.opened.identity, *one.lun);
    if (++served % units_in_a_turn == 0) co_await sleep_for(loop_, Duration(0));
  }
  for (auto& [target, config] : changed) set_config(*target, std::move(config));
}

/// What comes on files that others held until now. It was looked at before, so that there is reason to
/// believe that it can be opened.
Task<void> Administrator::open_late(Reload& reload) {
  const Instant deadline = clock_now() + handover_max;
  for (ComingLun& coming : reload.late) {
    const bool read_only = coming.lun->mode == IoMode::read_only;
    while (targets_.claims().in_the_way(*coming.opened.identity, read_only) != nullptr && clock_now() < deadline)
      co_await sleep_for(loop_, look_again_after);
    std::vector<ComingLun> one(1);
    one[0].target = coming.target;
    one[0].lun = coming.lun;
    Diagnostics problems(reload.parsed.config.file);
    const bool opened = co_await keeper_.open(one, targets_.claims(), problems);
    if (opened) co_await serve(one);
    if (!opened)
      for (const Diagnostic& said : problems.take()) reload.failures += said.to_string() + "\n";
  }
}

Task<Result<std::string>> Administrator::reload_now() {
  Reload reload;
  co_await load(reload);
  if (!reload.parsed.good()) co_return not_reloaded(reload.said);
  if (write_portal_groups(reload.parsed.config.portal_groups) != write_portal_groups(settings_.portal_groups))
    co_return not_reloaded(reload.said + "the PortalGroup lines have changed, which takes a restart\n");
  note_what_goes(reload);
  note_what_comes(reload);
  co_await find_what_waits(reload);
  Diagnostics problems(reload.parsed.config.file, settings_.rigour);
  const bool opened = co_await keeper_.open(reload.coming, reload.free, problems);
  for (const Diagnostic& said : problems.take()) reload.said += said.to_string() + "\n";
  if (!opened) co_return not_reloaded(reload.said);
  const std::string summary = reload.summary();

  co_await let_go(reload);
  change_settings(reload);
  for (ComingLun& coming : reload.coming)
    if (coming.waits) reload.late.push_back(std::move(coming));
  co_await serve(reload.coming);
  co_await keeper_.discard(reload.late);  // They were only looked at.
  co_await open_late(reload);
  for (const TargetChange& change : reload.plan.changed)
    if (change.changes_luns()) targets_.find(change.name)->device->luns_changed();

  std::vector<ServedTarget*> all;
  for (const std::unique_ptr<ServedTarget>& target : targets_.all()) all.push_back(target.get());
  std::string grown;
  co_await keeper_.measure(std::move(all), std::nullopt, grown);
  log_lines(LogLevel::warning, reload.said);
  log_lines(LogLevel::error, reload.failures);
  log_lines(LogLevel::info, "reloaded: " + summary + grown);
  if (!reload.failures.empty())
    co_return Error{ErrorKind::system, EBUSY, reload.failures + "these Luns are not served; all else is in force"};
  co_return reload.said + summary + grown;
}

Task<Result<std::string>> Administrator::reload() {
  Status begun = co_await begin_change();
  if (!begun) co_return begun.error();
  Result<std::string> result = co_await reload_now();
  end_change();
  co_return result;
}

}  // namespace holdfast::target
