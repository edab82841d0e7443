#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/iscsi/pdu.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "target/config/config.h"
#include "target/session/login.h"

namespace holdfast::target {

class Session;

/// All normal sessions of the daemon, from the moment that their login is admitted until nothing is
/// left of them, by their TSIH. It keeps the rule of session reinstatement (RFC 7143 section
/// 6.3.5): of sessions with the same initiator name, ISID and target the last to log in stays.
class SessionTable {
 public:
  SessionTable() = default;
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;
  ~SessionTable();

  /// More than that many are refused, whatever MaxSessions says.
  static constexpr std::size_t sessions_max = 16'384;

  /// Admits a login. Sessions that it reinstates are dropped at once, and counted no more.
  Reception::Admission admit(const TargetConfig& target, const Caller& caller,
                             const iscsi::Isid& isid);
  /// Takes the admission, or the session that came of it, off the table.
  void remove(std::uint16_t tsih);
  /// What a login with that TSIH that asks to join a session is to know.
  Reception::Joining ask_to_join(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid,
                                 std::uint16_t tsih, std::uint16_t cid) const;
  /// As `Reception::thread_of`.
  std::optional<unsigned> thread_of(std::uint16_t tsih) const;
  /// The connection of a login that was let in. If the session has ended meanwhile, it is closed.
  void join(Fd fd, LoginOutcome login);

  /// A newer login has taken the place of this one.
  bool is_superseded(std::uint16_t tsih) const;
  /// The admitted session begins. Its commands are held until nothing is left of the sessions that
  /// it reinstates: theirs have left the medium then, and cannot land on top of newer ones.
  void attach(std::uint16_t tsih, Session& session);
  /// A small number that no other live session has.
  std::uint32_t index(std::uint16_t tsih) const;

  /// Nobody is admitted from here on, and every session drains.
  void drain_all();
  void drop_all(std::string_view why);
  /// The same with a target's sessions but one, those included that are about to begin.
  void drop_all_of(const TargetConfig& target, std::uint16_t except, std::string_view why);
  /// Every session of a target drains; what is about to begin does not.
  void drain_all_of(const TargetConfig& target);
  std::size_t size() const { return entries_.size(); }
  /// Sessions of the target of that name that something is left of.
  std::size_t count_of(std::string_view target) const;
  /// Waits for one of all sessions to be gone.
  Event::Awaiter one_gone() { return one_gone_.wait(); }
  /// Calls `visit(tsih, session)` for each that anything is left of, in the order of their TSIHs, from
  /// `first` on, as long as it returns true.
  template <typename Visit>
  void visit_from(std::uint16_t first, Visit visit) const {
    for (auto one = entries_.lower_bound(first); one != entries_.end(); ++one)
      if (one->second.session != nullptr && !visit(one->first, *one->second.session)) return;
  }
  /// Calls `visit(tsih, session)` for each that is logged in and not taken over.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [tsih, entry] : entries_)
      if (entry.session != nullptr && !entry.superseded) visit(tsih, *entry.session);
  }

 private:
  struct Entry {
    std::string target;  // its name
    std::string initiator_name;
    iscsi::Isid isid{};
    std::uint16_t portal_group = 1;
    std::uint64_t age = 0;  // counts admissions
    std::uint32_t index = 0;
    Session* session = nullptr;  // null until the login's last response is sent
    bool superseded = false;
    bool held = false;
    bool same_nexus(const Entry& other) const;
  };

  bool has_predecessors(const Entry& entry) const;
  std::uint16_t free_tsih();
  std::uint32_t free_index() const;

  std::map<std::uint16_t, Entry> entries_;
  std::uint16_t last_tsih_ = 0;
  std::uint64_t admissions_ = 0;
  bool draining_ = false;
  Event one_gone_;
};

}  // namespace holdfast::target
