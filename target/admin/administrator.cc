#include "target/admin/administrator.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <utility>

#include "common/base/log.h"
#include "target/config/write_config.h"
#include "target/session/session.h"

namespace holdfast::target {
namespace {

/// How long a change waits for another one.
constexpr Duration patience = std::chrono::seconds(10);
/// How many Luns are let go before others get their turn of the loop.
constexpr std::size_t units_in_a_turn = 16;
constexpr Duration look_again_after = std::chrono::milliseconds(20);

Error refused(int code, std::string message) {
  return Error{ErrorKind::invalid_input, code, std::move(message)};
}

/// What came over the control socket is put into lines: it must not begin another one.
bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r' || c == '\0'; });
}

}  // namespace

Administrator::Administrator(Loop& loop, BlockingCrew& crew, TargetTable& targets, SessionTable& sessions,
                             FlightRecorder& recorder, Settings settings)
    : loop_(loop),
      crew_(crew),
      targets_(targets),
      sessions_(sessions),
      recorder_(recorder),
      began_(loop.now()),
      settings_(std::move(settings)),
      keeper_(loop, crew, targets) {}

Task<Status> Administrator::begin_change() {
  const Instant deadline = clock_now() + patience;
  while (changing_) {
    if (clock_now() >= deadline) {
      const auto since = std::chrono::duration_cast<std::chrono::seconds>(clock_now() - changing_since_);
      co_return refused(EBUSY, fmt::format("another change has been under way for {} s", since.count()));
    }
    co_await sleep_for(loop_, look_again_after);
  }
  changing_ = true;
  changing_since_ = clock_now();
  co_return Status{};
}

void Administrator::end_change() { changing_ = false; }

Result<ServedTarget*> Administrator::find(std::uint32_t tid) const {
  ServedTarget* target = targets_.find(tid);
  if (target == nullptr) return refused(ENOENT, fmt::format("there is no target with tid {}", tid));
  return target;
}

Result<Config> Administrator::read(const std::string& text) const {
  const std::string& file = settings_.config;
  const std::string folder = file.find('/') == std::string::npos ? "." : file.substr(0, file.rfind('/'));
  ParsedConfig parsed = parse_config(write_portal_groups(settings_.portal_groups) + text, "", folder);
  for (const Diagnostic& said : parsed.diagnostics)
    if (said.severity == Diagnostic::Severity::error) return refused(EINVAL, said.message);
  return std::move(parsed.config);
}

void Administrator::set_config(ServedTarget& target, TargetConfig config) {
  target.config = std::make_shared<const TargetConfig>(std::move(config));
}

Config Administrator::running() const {
  Config config;
  config.file = settings_.config;
  config.portal_groups = settings_.portal_groups;
  config.discovery_accounts = *targets_.discovery_accounts();
  for (const std::unique_ptr<ServedTarget>& target : targets_.all()) config.targets.push_back(*target->config);
  return config;
}

Task<Result<std::uint32_t>> Administrator::new_target(std::uint32_t tid, std::string name) {
  if (!is_one_line(name)) co_return refused(EINVAL, "a name is one line");
  const std::string text = "Target " + quoted(name) + "\n";
  Result<Config> config = read(text);
  if (!config) co_return config.error();
  Status begun = co_await begin_change();
  if (!begun) co_return begun.error();
  const TargetConfig& target = config->targets.front();
  Result<std::uint32_t> result = refused(EEXIST, fmt::format("there is a target with tid {} already", tid));
  if (targets_.find(target.name) != nullptr) {
    result = refused(EEXIST, fmt::format("{} is served already", target.name));
  } else if (leaving_targets_.contains(target.name)) {
    result = refused(EBUSY, fmt::format("{} is still being removed", target.name));
  } else if (tid == 0 || targets_.find(tid) == nullptr) {
    const ServedTarget& added = targets_.add(std::make_shared<const TargetConfig>(target),
                                             std::make_shared<ScsiTarget>(target.name), tid);
    log(LogLevel::info, "{} is served by order, with tid {}", target.name, added.tid);
    result = added.tid;
  }
  end_change();
  co_return result;
}

Task<Status> Administrator::delete_target(std::uint32_t tid, bool force) {
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  Result<ServedTarget*> target = find(tid);
  Status result;
  if (!target) {
    result = target.error();
  } else {
    const std::size_t sessions = sessions_.count_of((*target)->config->name);
    if (sessions > 0 && !force)
      result = refused(EBUSY, fmt::format("{} has {} session{}; end them first, or say --force",
                                          (*target)->config->name, sessions, sessions == 1 ? "" : "s"));
    else
      remove_target(**target);
  }
  end_change();
  co_return result;
}

Task<Status> Administrator::delete_all() {
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  while (!targets_.all().empty()) remove_target(*targets_.all().back());
  end_change();
  co_return Status{};
}

void Administrator::remove_target(ServedTarget& target) {
  std::unique_ptr<ServedTarget> removed = targets_.remove(target);
  log(LogLevel::info, "{} is served no more", removed->config->name);
  leaving_targets_.insert(removed->config->name);
  sessions_.drain_all_of(*removed->config);
  Task<void> finishing = finish_removal(std::move(removed));
  removals_.spawn(std::move(finishing));
}

/// Sessions end first, since they use the device; then the Luns are closed.
Task<void> Administrator::finish_removal(std::unique_ptr<ServedTarget> target) {
  const std::string name = target->config->name;
  while (sessions_.count_of(name) > 0) co_await sessions_.one_gone();
  std::size_t retired = 0;
  for (const LunConfig& lun : target->config->luns) {
    keeper_.retire(*target, lun);
    if (++retired % units_in_a_turn == 0) co_await sleep_for(loop_, Duration(0));
  }
  leaving_targets_.erase(name);
}

Task<Status> Administrator::new_lun(std::uint32_t tid, std::uint32_t number, std::string options) {
  if (!is_one_line(options)) co_return refused(EINVAL, "the options of a Lun are one line");
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  Status result = co_await add_lun(tid, number, options);
  end_change();
  co_return result;
}

Task<Status> Administrator::add_lun(std::uint32_t tid, std::uint32_t number, const std::string& options) {
  Result<ServedTarget*> target = find(tid);
  if (!target) co_return target.error();
  const std::string text = fmt::format("Target {}\nLun {} {}\n", (*target)->config->name, number, options);
  Result<Config> config = read(text);
  if (!config) co_return config.error();
  if ((*target)->device->find(number) != nullptr)
    co_return refused(EEXIST, fmt::format("{} has a Lun {} already", (*target)->config->name, number));
  std::vector<ComingLun> coming(1);
  coming[0].target = &config->targets.front();
  coming[0].lun = &config->targets.front().luns.front();
  Diagnostics problems("");
  const bool opened = co_await keeper_.open(coming, targets_.claims(), problems);
  if (!opened) co_return refused(EINVAL, problems.take().front().message);
  TargetConfig changed = *(*target)->config;
  changed.luns.push_back(*coming[0].lun);
  set_config(**target, std::move(changed));
  targets_.add_unit(**target, std::move(coming[0].unit), coming[0].opened.identity, *coming[0].lun);
  (*target)->device->luns_changed();
  log(LogLevel::info, "Lun {} of {} is served by order", number, (*target)->config->name);
  co_return Status{};
}

Task<Status> Administrator::delete_lun(std::uint32_t tid, std::uint32_t number) {
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  Result<ServedTarget*> target = find(tid);
  Status result;
  std::string name;
  if (!target) {
    result = target.error();
  } else if ((*target)->device->find(number) == nullptr) {
    result = refused(ENOENT, fmt::format("{} has no Lun {}", (*target)->config->name, number));
  } else {
    name = (*target)->config->name;
    TargetConfig changed = *(*target)->config;
    const auto lun = std::find_if(changed.luns.begin(), changed.luns.end(),
                                  [number](const LunConfig& one) { return one.number == number; });
    CHECK(lun != changed.luns.end());
    keeper_.retire(**target, *lun);
    changed.luns.erase(lun);
    set_config(**target, std::move(changed));
    (*target)->device->luns_changed();
    log(LogLevel::info, "Lun {} of {} is removed by order", number, name);
  }
  end_change();
  if (result) co_await keeper_.closed(name, number);
  co_return result;
}

Task<Result<std::string>> Administrator::resize(std::optional<std::uint32_t> tid,
                                                std::optional<std::uint32_t> number) {
  Status begun = co_await begin_change();
  if (!begun) co_return begun.error();
  std::vector<ServedTarget*> looked_at;
  for (const std::unique_ptr<ServedTarget>& target : targets_.all())
    if (!tid || target->tid == *tid) looked_at.push_back(target.get());
  Result<std::string> result = std::string();
  if (tid && looked_at.empty())
    result = refused(ENOENT, fmt::format("there is no target with tid {}", *tid));
  else if (number && looked_at.front()->device->find(*number) == nullptr)
    result = refused(ENOENT, fmt::format("{} has no Lun {}", looked_at.front()->config->name, *number));
  else
    co_await keeper_.measure(std::move(looked_at), number, *result);
  if (result && !result->empty()) log(LogLevel::info, "{}", std::string_view(*result).substr(0, result->size() - 1));
  end_change();
  co_return result;
}

std::uint64_t sid_of(const Session& session) {
  std::uint64_t sid = std::uint64_t{session.login().tsih} << 48;
  const iscsi::Isid& isid = session.login().isid;
  for (std::size_t i = 0; i < isid.size(); ++i) sid |= std::uint64_t{isid[i]} << (8 * i);
  return sid;
}

Result<Session*> Administrator::find_session(std::uint32_t tid, std::uint64_t sid) const {
  Result<ServedTarget*> target = find(tid);
  if (!target) return target.error();
  Session* found = nullptr;
  sessions_.for_each([&](std::uint16_t, Session& session) {
    if (session.login().target->name == (*target)->config->name && sid_of(session) == sid) found = &session;
  });
  if (found == nullptr) return refused(ENOENT, fmt::format("{} has no session {}", (*target)->config->name, sid));
  return found;
}

Status Administrator::delete_session(std::uint32_t tid, std::uint64_t sid) {
  Result<Session*> session = find_session(tid, sid);
  if (!session) return session.error();
  (*session)->drop("ended by order");
  return {};
}

Status Administrator::delete_connection(std::uint32_t tid, std::uint64_t sid, std::uint16_t cid) {
  Result<Session*> session = find_session(tid, sid);
  if (!session) return session.error();
  for (const std::unique_ptr<Connection>& connection : (*session)->connections()) {
    if (connection->cid() != cid || connection->is_over()) continue;
    connection->drop("ended by order");
    return {};
  }
  return refused(ENOENT, fmt::format("session {} has no connection {}", sid, cid));
}

Task<void> Administrator::join() {
  co_await removals_.join();
  co_await keeper_.join();
}

}  // namespace holdfast::target
