#include "target/session/session_table.h"

#include <algorithm>
#include <vector>

#include "common/base/check.h"
#include "target/session/session.h"

namespace holdfast::target {

SessionTable::~SessionTable() { CHECK(entries_.empty()); }

bool SessionTable::Entry::same_nexus(const Entry& other) const {
  return target == other.target && initiator_name == other.initiator_name && isid == other.isid &&
         portal_group == other.portal_group;
}

Reception::Admission SessionTable::admit(const TargetConfig& target, const Caller& caller,
                                         const iscsi::Isid& isid) {
  using iscsi::LoginStatus;
  if (draining_) return {.status = LoginStatus::service_unavailable};
  if (entries_.size() >= sessions_max) return {.status = LoginStatus::out_of_resources};
  Entry entry{.target = target.name,
              .initiator_name = caller.initiator_name,
              .isid = isid,
              .portal_group = caller.portal_group,
              .age = ++admissions_,
              .index = free_index()};
  const auto of_target = std::count_if(entries_.begin(), entries_.end(), [&](const auto& other) {
    return other.second.target == target.name && !other.second.superseded &&
           !other.second.same_nexus(entry);
  });
  if (target.max_sessions != 0 && static_cast<std::size_t>(of_target) >= target.max_sessions)
    return {.status = LoginStatus::too_many_connections};
  for (auto& [tsih, other] : entries_) {
    if (!other.same_nexus(entry) || other.superseded) continue;
    other.superseded = true;
    if (other.session != nullptr) other.session->drop("the initiator logged in anew");
  }
  const std::uint16_t tsih = free_tsih();
  entries_.emplace(tsih, std::move(entry));
  return {.tsih = tsih};
}

void SessionTable::remove(std::uint16_t tsih) {
  CHECK(entries_.erase(tsih) == 1);
  one_gone_.pulse();
  for (auto& [number, entry] : entries_) {
    if (entry.held && !has_predecessors(entry)) {
      entry.held = false;
      entry.session->release_commands();
    }
  }
}

Reception::Joining SessionTable::ask_to_join(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid,
                                             std::uint16_t tsih, std::uint16_t cid) const {
  const auto found = entries_.find(tsih);
  const bool is_there = found != entries_.end() && found->second.target == target.name &&
                        found->second.initiator_name == caller.initiator_name && found->second.isid == isid &&
                        found->second.portal_group == caller.portal_group &&
                        !found->second.superseded && found->second.session != nullptr;
  if (!is_there) return {.status = iscsi::LoginStatus::session_does_not_exist};
  const Session& session = *found->second.session;
  return {.status = session.may_join(cid),
          .parameters = session.parameters(),
          .exp_cmd_sn = session.window().exp_cmd_sn(),
          .max_cmd_sn = session.window().max_cmd_sn()};
}

std::optional<unsigned> SessionTable::thread_of(std::uint16_t tsih) const {
  const auto found = entries_.find(tsih);
  if (found == entries_.end() || found->second.session == nullptr) return std::nullopt;
  const auto& connections = found->second.session->connections();
  return connections.empty() ? std::nullopt : std::optional(connections.front()->thread());
}

void SessionTable::join(Fd fd, LoginOutcome login) {
  const Reception::Joining asked = ask_to_join(*login.target, login.caller, login.isid, login.tsih, login.cid);
  if (asked.status == iscsi::LoginStatus::success) entries_.at(login.tsih).session->join(std::move(fd), std::move(login));
}

bool SessionTable::has_predecessors(const Entry& entry) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& other) {
    return other.second.age < entry.age && other.second.same_nexus(entry);
  });
}

bool SessionTable::is_superseded(std::uint16_t tsih) const { return entries_.at(tsih).superseded; }

void SessionTable::attach(std::uint16_t tsih, Session& session) {
  Entry& entry = entries_.at(tsih);
  entry.session = &session;
  entry.held = has_predecessors(entry);
  if (entry.held) session.hold_commands();
}

std::uint32_t SessionTable::index(std::uint16_t tsih) const { return entries_.at(tsih).index; }

void SessionTable::drain_all() {
  draining_ = true;
  for (auto& [tsih, entry] : entries_) {
    if (entry.session != nullptr) entry.session->drain();
  }
}

void SessionTable::drop_all(std::string_view why) {
  for (auto& [tsih, entry] : entries_) {
    if (entry.session != nullptr) entry.session->drop(why);
  }
}

void SessionTable::drop_all_of(const TargetConfig& target, std::uint16_t except, std::string_view why) {
  for (auto& [tsih, entry] : entries_) {
    if (entry.target != target.name || tsih == except) continue;
    if (entry.session != nullptr)
      entry.session->drop(why);
    else
      entry.superseded = true;  // It does not begin.
  }
}

void SessionTable::drain_all_of(const TargetConfig& target) {
  for (auto& [tsih, entry] : entries_) {
    if (entry.target != target.name) continue;
    if (entry.session != nullptr)
      entry.session->drain();
    else
      entry.superseded = true;
  }
}

std::size_t SessionTable::count_of(std::string_view target) const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry.second.target == target;
  }));
}

// Counted on, so that a TSIH is not soon some other session's; 0 means "none" (section 11.12.6).
std::uint16_t SessionTable::free_tsih() {
  do {
    ++last_tsih_;
  } while (last_tsih_ == 0 || entries_.contains(last_tsih_));
  return last_tsih_;
}

std::uint32_t SessionTable::free_index() const {
  std::vector<bool> used(entries_.size() + 1);
  for (const auto& [tsih, entry] : entries_) {
    if (entry.index < used.size()) used[entry.index] = true;
  }
  return static_cast<std::uint32_t>(std::find(used.begin(), used.end(), false) - used.begin());
}

}  // namespace holdfast::target
