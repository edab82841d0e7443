#include "target/lun/reservation_rules.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace holdfast::target {
namespace {

using Action = scsi::PersistentReserveOut::Action;
using Verdict = ReservationVerdict;
using scsi::PersistentReservations;
using scsi::Registration;

bool is_of(const Registration& registration, const NexusName& name) {
  return registration.port == name.port && registration.target_port == name.target_port;
}

/// One command on its way to a verdict. `change_.after` is worked on; `before_` stays for places.
class Decision {
 public:
  Decision(const PersistentReservations& before, const ReserveOutRequest& request)
      : before_(before),
        request_(request),
        parameters_(request.parameters),
        own_(find_registration(before, request.nexus)) {
    change_.after = before;
  }

  Verdict operator()() {
    switch (request_.command.action) {
      case Action::register_key:
      case Action::register_and_ignore_existing_key:
        return register_nexus();
      case Action::reserve:
        return reserve();
      case Action::release:
        return release();
      case Action::clear:
        return clear();
      case Action::preempt:
      case Action::preempt_and_abort:
        return preempt();
      case Action::register_and_move:
        return move();
      case Action::replace_lost_reservation:  // 5.13.11.3: none is ever lost.
        return illegal_request(scsi::additional_sense::invalid_release_of_persistent_reservation);
    }
    return scsi::invalid_field_in_cdb(1, 4);
  }

 private:
  PersistentReservations& after() { return change_.after; }
  const Registration& own() const { return before_.registrations[*own_]; }
  bool knows_key() const { return own_ && own().key == parameters_.key; }
  bool owns_reservation() const { return before_.is_holder(own()); }

  std::optional<scsi::ReservationType> type() const {
    return scsi::reservation_type(request_.command.type);
  }
  /// What is wrong with SCOPE and TYPE, for the actions that look at them.
  std::optional<scsi::Sense> wrong_scope_or_type() const {
    if (request_.command.scope != scsi::logical_unit_scope) return scsi::invalid_field_in_cdb(2, 7);
    if (!type()) return scsi::invalid_field_in_cdb(2, 3);
    return std::nullopt;
  }

  void tell(std::size_t registration, Condition condition) {
    change_.notices.push_back({registration, condition});
  }
  /// Tells every registrant but the one that asked, as far as it still is one.
  void tell_other_registrants(Condition condition) {
    for (std::size_t i = 0; i < before_.registrations.size(); ++i) {
      const Registration& was = before_.registrations[i];
      if (i != own_ && find(was.port, was.target_port) != nullptr) tell(i, condition);
    }
  }

  Registration* find(const scsi::InitiatorPort& port, std::uint16_t target_port) {
    const auto found =
        std::find_if(after().registrations.begin(), after().registrations.end(),
                     [&](const Registration& registration) {
                       return registration.port == port && registration.target_port == target_port;
                     });
    return found == after().registrations.end() ? nullptr : &*found;
  }

  void end_reservation() {
    after().reservation.reset();
    for (Registration& registration : after().registrations) registration.holds = false;
  }
  void give_reservation(Registration& holder, scsi::ReservationType type) {
    end_reservation();
    after().reservation = type;
    holder.holds = !scsi::is_held_by_all(type);
  }

  /// Takes a registration away, and the reservation if nobody is left who holds it (SPC-4
  /// 5.13.11.3). Returns true if that ended.
  bool remove(std::size_t place) {
    const Registration& was = before_.registrations[place];
    std::vector<Registration>& registrations = after().registrations;
    const auto found =
        std::find_if(registrations.begin(), registrations.end(), [&](const Registration& other) {
          return other.port == was.port && other.target_port == was.target_port;
        });
    if (found == registrations.end()) return false;
    const bool held = found->holds;
    registrations.erase(found);
    if (!after().reservation || (!held && !registrations.empty())) return false;
    end_reservation();
    return true;
  }

  Verdict done() { return std::move(change_); }
  Verdict done_as_next_generation() {
    ++after().generation;
    return done();
  }

  // REGISTER, REGISTER AND IGNORE EXISTING KEY: SPC-4 5.13.7, tables 71 and 72.

  /// As if the same request had come through each of the target ports that it is for.
  Verdict register_nexus() {
    const bool ignores_key = request_.command.action == Action::register_and_ignore_existing_key;
    std::vector<std::uint16_t> ports{request_.nexus.target_port};
    if (parameters_.all_target_ports)
      ports.assign(request_.target_ports.begin(), request_.target_ports.end());
    std::vector<std::optional<std::size_t>> places;
    for (std::uint16_t port : ports) {
      const auto place = find_registration(before_, {request_.nexus.port, port});
      const std::uint64_t key = place ? before_.registrations[*place].key : 0;
      if (!ignores_key && key != parameters_.key) return ReservationConflict{};
      places.push_back(place);
    }
    if (parameters_.specifies_ports && own_) return scsi::invalid_field_in_parameter_list(20, 3);
    if (parameters_.persist && !request_.can_persist)
      return scsi::invalid_field_in_parameter_list(20, 0);
    const bool registers = parameters_.service_action_key != 0;
    if (!registers && std::none_of(places.begin(), places.end(),
                                   [](const auto& place) { return place.has_value(); }))
      return done();
    for (std::size_t i = 0; i < ports.size(); ++i) {
      if (!registers) {
        if (places[i]) unregister(*places[i]);
      } else if (places[i]) {
        const Registration& was = before_.registrations[*places[i]];
        find(was.port, was.target_port)->key = parameters_.service_action_key;
      } else {
        add(request_.nexus.port, ports[i]);
      }
    }
    if (registers) {
      for (const scsi::InitiatorPort& port : parameters_.ports)
        for (std::uint16_t target_port : ports) add(port, target_port);
    }
    if (after().registrations.size() > scsi::registrations_max) return no_more_registrations();
    after().persist = parameters_.persist;
    return done_as_next_generation();
  }

  void add(const scsi::InitiatorPort& port, std::uint16_t target_port) {
    if (find(port, target_port) != nullptr) return;  // SPEC_I_PT is for unregistered ones.
    if (after().registrations.size() > scsi::registrations_max) return;  // One too many is enough.
    after().registrations.push_back(
        {.port = port, .target_port = target_port, .key = parameters_.service_action_key});
  }

  static scsi::Sense no_more_registrations() {
    return scsi::Sense{.key = scsi::SenseKey::illegal_request,
                       .additional = scsi::additional_sense::insufficient_registration_resources};
  }

  void unregister(std::size_t place) {
    const std::optional<scsi::ReservationType> type = before_.reservation;
    if (remove(place) && type && scsi::is_for_registrants(*type))
      tell_other_registrants(Condition::reservations_released);
  }

  Verdict reserve() {  // 5.13.9
    if (!knows_key()) return ReservationConflict{};
    const bool same = before_.reservation && before_.reservation == type() &&
                      request_.command.scope == scsi::logical_unit_scope && owns_reservation();
    if (before_.reservation && !same) return ReservationConflict{};
    if (std::optional<scsi::Sense> wrong = wrong_scope_or_type()) return *wrong;
    if (!same) give_reservation(after().registrations[*own_], *type());
    return done();
  }

  Verdict release() {  // 5.13.11.2
    if (!knows_key()) return ReservationConflict{};
    if (std::optional<scsi::Sense> wrong = wrong_scope_or_type()) return *wrong;
    if (!before_.reservation || !owns_reservation()) return done();
    if (before_.reservation != type())
      return illegal_request(scsi::additional_sense::invalid_release_of_persistent_reservation,
                             scsi::FieldPointer{2, 3});
    end_reservation();
    if (scsi::is_for_registrants(*before_.reservation))
      tell_other_registrants(Condition::reservations_released);
    return done();
  }

  Verdict clear() {  // 5.13.11.6
    if (!knows_key()) return ReservationConflict{};
    tell_other_registrants(Condition::reservations_preempted);
    end_reservation();
    after().registrations.clear();
    return done_as_next_generation();
  }

  // PREEMPT, PREEMPT AND ABORT: 5.13.11.4, 5.13.11.5.

  Verdict preempt() {
    if (!knows_key()) return ReservationConflict{};
    const std::uint64_t key = parameters_.service_action_key;
    const bool all_hold = before_.reservation && scsi::is_held_by_all(*before_.reservation);
    if (key == 0 && !all_hold) return scsi::invalid_field_in_parameter_list(8);
    if (key == 0) return preempt_reservation([](const Registration&) { return true; });
    const auto has_key = [key](const Registration& other) { return other.key == key; };
    const bool is_holders =
        std::any_of(before_.registrations.begin(), before_.registrations.end(),
                    [&](const Registration& other) { return other.holds && has_key(other); });
    return is_holders ? preempt_reservation(has_key) : preempt_registrations(has_key);
  }

  /// The commands of a preempted nexus are aborted; its own only where it names its own key.
  void preempt(std::size_t place) {
    if (request_.command.action != Action::preempt_and_abort) return;
    if (place == own_ && parameters_.service_action_key == 0) return;
    change_.aborted.push_back(place);
  }

  /// The reservation passes to the one that asks; registrations of the key go, except its own.
  template <typename IsMeant>
  Verdict preempt_reservation(IsMeant is_meant) {
    if (std::optional<scsi::Sense> wrong = wrong_scope_or_type()) return *wrong;
    const scsi::ReservationType was = *before_.reservation;
    end_reservation();
    for (std::size_t i = 0; i < before_.registrations.size(); ++i) {
      if (!is_meant(before_.registrations[i])) continue;
      preempt(i);
      if (i == own_) continue;
      remove(i);
      tell(i, Condition::registrations_preempted);
    }
    give_reservation(*find(own().port, own().target_port), *type());
    if (was != *type()) tell_other_registrants(Condition::reservations_released);
    return done_as_next_generation();
  }

  /// Registrations of the key go. SCOPE and TYPE are ignored.
  template <typename IsMeant>
  Verdict preempt_registrations(IsMeant is_meant) {
    bool any = false;
    for (std::size_t i = 0; i < before_.registrations.size(); ++i) {
      if (!is_meant(before_.registrations[i])) continue;
      any = true;
      preempt(i);
      remove(i);
      if (i != own_) tell(i, Condition::registrations_preempted);
    }
    if (!any) return ReservationConflict{};
    return done_as_next_generation();
  }

  Verdict move() {  // 5.13.8
    if (!knows_key()) return ReservationConflict{};
    if (!before_.reservation) return scsi::invalid_field_in_cdb(1, 4);
    if (scsi::is_held_by_all(*before_.reservation) || !own().holds) return ReservationConflict{};
    if (parameters_.service_action_key == 0) return scsi::invalid_field_in_parameter_list(8);
    if (std::find(request_.target_ports.begin(), request_.target_ports.end(),
                  parameters_.target_port) == request_.target_ports.end())
      return scsi::invalid_field_in_parameter_list(18);
    const NexusName to{parameters_.ports.front(), parameters_.target_port};
    // A reservation has one holder: all ports of an initiator are none.
    if (!to.port.isid) return scsi::invalid_field_in_parameter_list(24, 7);
    const bool to_itself = to.target_port == own().target_port && own().port.covers(to.port);
    if (to_itself) return scsi::invalid_field_in_parameter_list(24);
    if (parameters_.persist && !request_.can_persist)
      return scsi::invalid_field_in_parameter_list(17, 0);
    return move_to(to);
  }

  Verdict move_to(const NexusName& to) {
    if (Registration* registered = find(to.port, to.target_port)) {
      registered->key = parameters_.service_action_key;
    } else {
      add(to.port, to.target_port);
    }
    give_reservation(*find(to.port, to.target_port), *before_.reservation);
    if (parameters_.unregister) remove(*own_);
    if (after().registrations.size() > scsi::registrations_max) return no_more_registrations();
    after().persist = parameters_.persist;
    return done_as_next_generation();
  }

  const PersistentReservations& before_;
  const ReserveOutRequest& request_;
  const scsi::ReserveOutParameters& parameters_;
  const std::optional<std::size_t> own_;
  ReservationChange change_;
};

}  // namespace

std::optional<std::size_t> find_registration(const PersistentReservations& state,
                                             const NexusName& nexus) {
  std::optional<std::size_t> covering;
  for (std::size_t i = 0; i < state.registrations.size(); ++i) {
    const Registration& registration = state.registrations[i];
    if (is_of(registration, nexus)) return i;
    if (registration.target_port == nexus.target_port && registration.port.covers(nexus.port))
      covering = i;
  }
  return covering;
}

ReservationVerdict decide(const PersistentReservations& before, const ReserveOutRequest& request) {
  return Decision(before, request)();
}

}  // namespace holdfast::target
