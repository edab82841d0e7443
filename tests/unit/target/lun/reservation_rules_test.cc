#include "target/lun/reservation_rules.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>

namespace holdfast::target {
namespace {

using Action = scsi::PersistentReserveOut::Action;
using Type = scsi::ReservationType;
using scsi::InitiatorPort;
using scsi::PersistentReservations;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t key_a = 0xa, key_b = 0xb, key_c = 0xc;

NexusName nexus(const std::string& name, std::uint8_t isid = 1, std::uint16_t target_port = 1) {
  return {.port = {"iqn." + name, InitiatorPort::Isid{0, 0, 0, 0, 0, isid}},
          .target_port = target_port};
}

/// One command after another on one state, by nexuses a, b, c with keys of their own.
class ReservationRules : public ::testing::Test {
 protected:
  using Notice = ReservationChange::Notice;

  struct Fields {
    std::uint64_t key = 0;
    std::uint64_t service_action_key = 0;
    int type = 0;
    int scope = 0;
    bool all_target_ports = false;
    bool persist = false;
    bool unregister = false;
    std::uint16_t target_port = 1;
    std::vector<InitiatorPort> ports = {};
  };

  ReservationVerdict verdict(Action action, const NexusName& by, const Fields& fields) {
    const scsi::PersistentReserveOut command{action, static_cast<std::uint8_t>(fields.scope),
                                             static_cast<std::uint8_t>(fields.type), 24};
    const scsi::ReserveOutParameters parameters{.key = fields.key,
                                                .service_action_key = fields.service_action_key,
                                                .all_target_ports = fields.all_target_ports,
                                                .persist = fields.persist,
                                                .specifies_ports = !fields.ports.empty(),
                                                .ports = fields.ports,
                                                .unregister = fields.unregister,
                                                .target_port = fields.target_port};
    return decide(state_, {.command = command,
                           .parameters = parameters,
                           .nexus = by,
                           .can_persist = can_persist_,
                           .target_ports = target_ports_});
  }

  /// Carries it out.
  ReservationChange done(Action action, const NexusName& by, const Fields& fields) {
    ReservationVerdict result = verdict(action, by, fields);
    auto* change = std::get_if<ReservationChange>(&result);
    EXPECT_NE(change, nullptr) << "it was refused";
    if (change == nullptr) return {};
    state_ = change->after;
    return std::move(*change);
  }
  bool conflicts(Action action, const NexusName& by, const Fields& fields) {
    return std::holds_alternative<ReservationConflict>(verdict(action, by, fields));
  }
  scsi::Sense sense(Action action, const NexusName& by, const Fields& fields) {
    const ReservationVerdict result = verdict(action, by, fields);
    const auto* told = std::get_if<scsi::Sense>(&result);
    EXPECT_NE(told, nullptr) << "no sense: alternative " << result.index();
    return told == nullptr ? scsi::Sense{} : *told;
  }

  void register_all() {
    done(Action::register_key, a_, {.service_action_key = key_a});
    done(Action::register_key, b_, {.service_action_key = key_b});
    done(Action::register_key, c_, {.service_action_key = key_c});
  }
  std::vector<std::uint64_t> keys() const {
    std::vector<std::uint64_t> keys;
    for (const scsi::Registration& registration : state_.registrations)
      keys.push_back(registration.key);
    return keys;
  }
  /// The keys of those that hold the reservation.
  std::vector<std::uint64_t> holders() const {
    std::vector<std::uint64_t> keys;
    for (const scsi::Registration& registration : state_.registrations)
      if (state_.is_holder(registration)) keys.push_back(registration.key);
    return keys;
  }

  const NexusName a_ = nexus("a"), b_ = nexus("b"), c_ = nexus("c");
  PersistentReservations state_;
  bool can_persist_ = true;
  std::vector<std::uint16_t> target_ports_{1};
};

// REGISTER and REGISTER AND IGNORE EXISTING KEY: every row of SPC-4's two tables.

TEST_F(ReservationRules, AStrangerRegistersWithKeyZero) {
  EXPECT_TRUE(conflicts(Action::register_key, a_, {.key = 5, .service_action_key = key_a}));
  done(Action::register_key, a_, {.service_action_key = key_a});
  EXPECT_THAT(keys(), ElementsAre(key_a));
  EXPECT_EQ(state_.generation, 1u);
}

TEST_F(ReservationRules, AStrangerThatUnregistersIsToldGoodAndNothingHappens) {
  register_all();
  const PersistentReservations before = state_;
  const NexusName stranger = nexus("stranger");
  done(Action::register_key, stranger, {});
  done(Action::register_and_ignore_existing_key, stranger, {.key = 99});
  EXPECT_EQ(state_, before);
  EXPECT_TRUE(conflicts(Action::register_key, stranger, {.key = 99}));
}

TEST_F(ReservationRules, ARegistrantChangesItsKeyOnlyWithTheOldOne) {
  register_all();
  EXPECT_TRUE(conflicts(Action::register_key, a_, {.service_action_key = 7}));
  EXPECT_TRUE(conflicts(Action::register_key, a_, {.key = key_b, .service_action_key = 7}));
  done(Action::register_key, a_, {.key = key_a, .service_action_key = 7});
  EXPECT_THAT(keys(), ElementsAre(7, key_b, key_c));
  done(Action::register_and_ignore_existing_key, a_, {.key = 99, .service_action_key = 8});
  EXPECT_THAT(keys(), ElementsAre(8, key_b, key_c));
  EXPECT_EQ(state_.generation, 5u);
}

TEST_F(ReservationRules, TheHolderKeepsItsReservationWhenItsKeyChanges) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  done(Action::register_and_ignore_existing_key, a_, {.service_action_key = 8});
  EXPECT_THAT(holders(), ElementsAre(8));
}

TEST_F(ReservationRules, SpecifiedPortsAreRegisteredWithTheOneThatAsks) {
  done(Action::register_key, b_, {.service_action_key = key_b});
  done(Action::register_key, a_,
       {.service_action_key = key_a, .ports = {b_.port, c_.port, a_.port}});
  // b had a registration, which stays.
  EXPECT_THAT(keys(), ElementsAre(key_b, key_a, key_a));
  EXPECT_EQ(find_registration(state_, c_), 2u);
  EXPECT_EQ(state_.generation, 2u);
}

TEST_F(ReservationRules, ARegistrantMaySpecifyNoPorts) {
  register_all();
  EXPECT_EQ(sense(Action::register_key, a_,
                  {.key = key_a, .service_action_key = 7, .ports = {nexus("d").port}}),
            scsi::invalid_field_in_parameter_list(20, 3));
}

TEST_F(ReservationRules, AnInitiatorSpecifiedWithoutIsidIsRegisteredWithEveryIsid) {
  done(Action::register_key, a_,
       {.service_action_key = key_a, .ports = {InitiatorPort{"iqn.b", std::nullopt}}});
  EXPECT_EQ(find_registration(state_, nexus("b", 1)), 1u);
  EXPECT_EQ(find_registration(state_, nexus("b", 2)), 1u);
  EXPECT_FALSE(find_registration(state_, nexus("a", 2))) << "another port of a's initiator";
  // It is theirs: b changes its key and gives it up.
  done(Action::register_key, nexus("b", 7), {.key = key_a, .service_action_key = key_b});
  EXPECT_THAT(keys(), ElementsAre(key_a, key_b));
  done(Action::register_key, nexus("b", 9), {.key = key_b});
  EXPECT_THAT(keys(), ElementsAre(key_a));
}

TEST_F(ReservationRules, AllTargetPortsAreRegisteredAndUnregisteredTogether) {
  target_ports_ = {1, 2, 3};
  done(Action::register_key, a_, {.service_action_key = key_a, .all_target_ports = true});
  EXPECT_THAT(keys(), ElementsAre(key_a, key_a, key_a));
  EXPECT_TRUE(find_registration(state_, nexus("a", 1, 3)));
  EXPECT_EQ(state_.generation, 1u);
  done(Action::register_key, nexus("a", 1, 2), {.key = key_a, .service_action_key = 7});
  EXPECT_TRUE(conflicts(Action::register_key, a_, {.key = key_a, .all_target_ports = true}))
      << "one of them has another key";
  done(Action::register_and_ignore_existing_key, a_, {.all_target_ports = true});
  EXPECT_THAT(keys(), IsEmpty());
}

TEST_F(ReservationRules, PersistenceIsAsTheLastRegistrationSays) {
  done(Action::register_key, a_, {.service_action_key = key_a, .persist = true});
  EXPECT_TRUE(state_.persist);
  done(Action::register_key, b_, {.service_action_key = key_b});
  EXPECT_FALSE(state_.persist);
  can_persist_ = false;
  EXPECT_EQ(sense(Action::register_key, c_, {.service_action_key = key_c, .persist = true}),
            scsi::invalid_field_in_parameter_list(20, 0));
}

TEST_F(ReservationRules, RegistrationsAreBounded) {
  for (unsigned i = 0; i < scsi::registrations_max; ++i)
    done(Action::register_key, nexus(std::to_string(i)), {.service_action_key = 1});
  const scsi::Sense full = sense(Action::register_key, a_, {.service_action_key = key_a});
  EXPECT_EQ(full.additional, scsi::additional_sense::insufficient_registration_resources);
  std::vector<InitiatorPort> many;
  for (int i = 0; i < 3000; ++i) many.push_back(nexus("many" + std::to_string(i)).port);
  state_ = {};
  EXPECT_EQ(sense(Action::register_key, a_, {.service_action_key = key_a, .ports = many}).additional,
            scsi::additional_sense::insufficient_registration_resources);
}

// Unregistering.

TEST_F(ReservationRules, TheHolderThatUnregistersReleasesItsReservation) {
  for (const int type : {1, 3}) {
    state_ = {};
    register_all();
    done(Action::reserve, a_, {.key = key_a, .type = type});
    const auto change = done(Action::register_key, a_, {.key = key_a});
    EXPECT_FALSE(state_.reservation);
    EXPECT_THAT(change.notices, IsEmpty());
  }
  for (const int type : {5, 6}) {
    state_ = {};
    register_all();
    done(Action::reserve, a_, {.key = key_a, .type = type});
    const auto change = done(Action::register_and_ignore_existing_key, a_, {});
    EXPECT_FALSE(state_.reservation);
    EXPECT_THAT(change.notices, ElementsAre(Notice{1, Condition::reservations_released},
                                            Notice{2, Condition::reservations_released}));
  }
}

TEST_F(ReservationRules, OfAllRegistrantsTheLastReleasesTheReservation) {
  for (const int type : {7, 8}) {
    state_ = {};
    register_all();
    done(Action::reserve, a_, {.key = key_a, .type = type});
    EXPECT_THAT(holders(), ElementsAre(key_a, key_b, key_c));
    EXPECT_THAT(done(Action::register_key, a_, {.key = key_a}).notices, IsEmpty());
    done(Action::register_key, b_, {.key = key_b});
    EXPECT_THAT(holders(), ElementsAre(key_c));
    done(Action::register_key, c_, {.key = key_c});
    EXPECT_FALSE(state_.reservation);
  }
}

TEST_F(ReservationRules, ARegistrantThatGoesLeavesTheReservation) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  EXPECT_THAT(done(Action::register_key, b_, {.key = key_b}).notices, IsEmpty());
  EXPECT_THAT(holders(), ElementsAre(key_a));
}

// RESERVE.

TEST_F(ReservationRules, OnlyARegistrantWithItsKeyReserves) {
  register_all();
  EXPECT_TRUE(conflicts(Action::reserve, nexus("stranger"), {.type = 1}));
  EXPECT_TRUE(conflicts(Action::reserve, a_, {.key = key_b, .type = 1}));
  done(Action::reserve, a_, {.key = key_a, .type = 1});
  EXPECT_EQ(state_.reservation, Type::write_exclusive);
  EXPECT_THAT(holders(), ElementsAre(key_a));
  EXPECT_EQ(state_.generation, 3u) << "RESERVE makes no generation";
}

TEST_F(ReservationRules, TheHolderMayReserveTheSameAgainAndNobodyAnythingElse) {
  for (const int type : {1, 3, 5, 6}) {
    state_ = {};
    register_all();
    done(Action::reserve, a_, {.key = key_a, .type = type});
    const PersistentReservations before = state_;
    done(Action::reserve, a_, {.key = key_a, .type = type});
    EXPECT_EQ(state_, before);
    EXPECT_TRUE(conflicts(Action::reserve, a_, {.key = key_a, .type = type == 1 ? 3 : 1}));
    EXPECT_TRUE(conflicts(Action::reserve, b_, {.key = key_b, .type = type}));
  }
  state_ = {};
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 7});
  done(Action::reserve, b_, {.key = key_b, .type = 7});  // It holds it too.
  EXPECT_TRUE(conflicts(Action::reserve, b_, {.key = key_b, .type = 8}));
}

TEST_F(ReservationRules, ScopesAndTypesThatThereAreNotArePointedAt) {
  register_all();
  for (const Action action : {Action::reserve, Action::release}) {
    for (const int type : {0, 2, 4, 9, 15})
      EXPECT_EQ(sense(action, a_, {.key = key_a, .type = type}), scsi::invalid_field_in_cdb(2, 3));
    EXPECT_EQ(sense(action, a_, {.key = key_a, .type = 1, .scope = 1}),
              scsi::invalid_field_in_cdb(2, 7));
  }
}

// RELEASE.

TEST_F(ReservationRules, TheHolderReleasesWithTheSameType) {
  for (const int type : {1, 3, 5, 6, 7, 8}) {
    state_ = {};
    register_all();
    done(Action::reserve, a_, {.key = key_a, .type = type});
    EXPECT_TRUE(conflicts(Action::release, a_, {.key = key_b, .type = type}));
    EXPECT_EQ(sense(Action::release, a_, {.key = key_a, .type = type == 1 ? 3 : 1}).additional,
              scsi::additional_sense::invalid_release_of_persistent_reservation);
    const auto change = done(Action::release, a_, {.key = key_a, .type = type});
    EXPECT_FALSE(state_.reservation);
    EXPECT_THAT(holders(), IsEmpty());
    EXPECT_THAT(keys(), ElementsAre(key_a, key_b, key_c));
    EXPECT_EQ(state_.generation, 3u);
    if (type < 5) {
      EXPECT_THAT(change.notices, IsEmpty());
    } else {
      EXPECT_THAT(change.notices, ElementsAre(Notice{1, Condition::reservations_released},
                                              Notice{2, Condition::reservations_released}));
    }
  }
}

TEST_F(ReservationRules, AReleaseOfWhatIsNotHeldIsGoodAndDoesNothing) {
  register_all();
  done(Action::release, b_, {.key = key_b, .type = 1});
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  done(Action::release, b_, {.key = key_b, .type = 5});
  done(Action::release, b_, {.key = key_b, .type = 1});
  EXPECT_THAT(holders(), ElementsAre(key_a));
  EXPECT_TRUE(conflicts(Action::release, nexus("stranger"), {.type = 5}));
  state_ = {};
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 8});
  done(Action::release, b_, {.key = key_b, .type = 8});  // It holds it too.
  EXPECT_FALSE(state_.reservation);
}

// CLEAR.

TEST_F(ReservationRules, ClearTakesEverythingAndTellsTheOthers) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 1});
  EXPECT_TRUE(conflicts(Action::clear, nexus("stranger"), {}));
  EXPECT_TRUE(conflicts(Action::clear, b_, {.key = key_a}));
  const auto change = done(Action::clear, b_, {.key = key_b});
  EXPECT_THAT(keys(), IsEmpty());
  EXPECT_FALSE(state_.reservation);
  EXPECT_EQ(state_.generation, 4u);
  EXPECT_THAT(change.notices, ElementsAre(Notice{0, Condition::reservations_preempted},
                                          Notice{2, Condition::reservations_preempted}));
}

// PREEMPT and PREEMPT AND ABORT.

TEST_F(ReservationRules, TheHolderIsPreempted) {
  for (const int type : {1, 3, 5, 6}) {
    state_ = {};
    register_all();
    done(Action::reserve, a_, {.key = key_a, .type = type});
    EXPECT_TRUE(conflicts(Action::preempt, nexus("stranger"), {.service_action_key = key_a}));
    EXPECT_TRUE(
        conflicts(Action::preempt, b_, {.key = key_a, .service_action_key = key_a, .type = type}));
    const auto change =
        done(Action::preempt, b_, {.key = key_b, .service_action_key = key_a, .type = type});
    EXPECT_THAT(keys(), ElementsAre(key_b, key_c));
    EXPECT_THAT(holders(), ElementsAre(key_b));
    EXPECT_THAT(change.notices, ElementsAre(Notice{0, Condition::registrations_preempted}));
    EXPECT_THAT(change.aborted, IsEmpty());
    EXPECT_EQ(state_.generation, 4u);
  }
}

TEST_F(ReservationRules, ThoseThatStayAreToldWhenThePreemptingTypeDiffers) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  const auto change =
      done(Action::preempt, b_, {.key = key_b, .service_action_key = key_a, .type = 1});
  EXPECT_EQ(state_.reservation, Type::write_exclusive);
  EXPECT_THAT(change.notices,
              UnorderedElementsAre(Notice{0, Condition::registrations_preempted},
                                   Notice{2, Condition::reservations_released}));
}

TEST_F(ReservationRules, PreemptingTheHolderNeedsAScopeAndType) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  EXPECT_EQ(sense(Action::preempt, b_, {.key = key_b, .service_action_key = key_a}),
            scsi::invalid_field_in_cdb(2, 3));
  EXPECT_EQ(sense(Action::preempt, b_,
                  {.key = key_b, .service_action_key = key_a, .type = 5, .scope = 2}),
            scsi::invalid_field_in_cdb(2, 7));
}

TEST_F(ReservationRules, OthersThanTheHolderLoseTheirRegistrationsOnly) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  const auto change = done(Action::preempt_and_abort, b_,
                           {.key = key_b, .service_action_key = key_c, .type = 15, .scope = 3});
  EXPECT_THAT(keys(), ElementsAre(key_a, key_b));
  EXPECT_THAT(holders(), ElementsAre(key_a));
  EXPECT_THAT(change.notices, ElementsAre(Notice{2, Condition::registrations_preempted}));
  EXPECT_THAT(change.aborted, ElementsAre(2u));
}

TEST_F(ReservationRules, WithoutAReservationRegistrationsArePreempted) {
  register_all();
  done(Action::register_and_ignore_existing_key, c_, {.service_action_key = key_a});
  const auto change =
      done(Action::preempt_and_abort, b_, {.key = key_b, .service_action_key = key_a});
  EXPECT_THAT(keys(), ElementsAre(key_b));
  EXPECT_FALSE(state_.reservation);
  EXPECT_THAT(change.aborted, ElementsAre(0u, 2u));
}

TEST_F(ReservationRules, KeysThatNobodyHasCannotBePreempted) {
  register_all();
  EXPECT_TRUE(conflicts(Action::preempt, a_, {.key = key_a, .service_action_key = 99}));
  EXPECT_EQ(sense(Action::preempt, a_, {.key = key_a}), scsi::invalid_field_in_parameter_list(8));
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  EXPECT_EQ(sense(Action::preempt, b_, {.key = key_b, .type = 5}),
            scsi::invalid_field_in_parameter_list(8));
}

TEST_F(ReservationRules, AReservationOfAllRegistrantsIsPreemptedWithKeyZero) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 7});
  auto change = done(Action::preempt, b_, {.key = key_b, .service_action_key = key_c, .type = 1});
  EXPECT_EQ(state_.reservation, Type::write_exclusive_all_registrants);
  EXPECT_THAT(keys(), ElementsAre(key_a, key_b));
  change = done(Action::preempt_and_abort, b_, {.key = key_b, .type = 1});
  EXPECT_EQ(state_.reservation, Type::write_exclusive);
  EXPECT_THAT(keys(), ElementsAre(key_b));
  EXPECT_THAT(holders(), ElementsAre(key_b));
  EXPECT_THAT(change.notices, ElementsAre(Notice{0, Condition::registrations_preempted}));
  EXPECT_THAT(change.aborted, ElementsAre(0u));
}

TEST_F(ReservationRules, TheHolderChangesItsTypeByPreemptingItself) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 6});
  const auto change =
      done(Action::preempt, a_, {.key = key_a, .service_action_key = key_a, .type = 1});
  EXPECT_EQ(state_.reservation, Type::write_exclusive);
  EXPECT_THAT(keys(), ElementsAre(key_a, key_b, key_c));
  EXPECT_THAT(holders(), ElementsAre(key_a));
  EXPECT_THAT(change.notices, ElementsAre(Notice{1, Condition::reservations_released},
                                          Notice{2, Condition::reservations_released}));
}

TEST_F(ReservationRules, SharedKeysArePreemptedTogetherButForTheOneThatAsks) {
  register_all();
  for (const NexusName& other : {b_, c_})
    done(Action::register_and_ignore_existing_key, other, {.service_action_key = key_a});
  done(Action::reserve, a_, {.key = key_a, .type = 5});
  const auto change =
      done(Action::preempt, b_, {.key = key_a, .service_action_key = key_a, .type = 5});
  EXPECT_THAT(keys(), ElementsAre(key_a));
  EXPECT_EQ(find_registration(state_, b_), 0u);
  EXPECT_THAT(holders(), ElementsAre(key_a));
  EXPECT_THAT(change.notices, ElementsAre(Notice{0, Condition::registrations_preempted},
                                          Notice{2, Condition::registrations_preempted}));
}

// REGISTER AND MOVE.

TEST_F(ReservationRules, TheReservationMovesToAStrangerOrARegistrant) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 6});
  auto change = done(Action::register_and_move, a_,
                     {.key = key_a, .service_action_key = 7, .ports = {nexus("d").port}});
  EXPECT_THAT(keys(), ElementsAre(key_a, key_b, key_c, 7));
  EXPECT_THAT(holders(), ElementsAre(7));
  EXPECT_EQ(state_.reservation, Type::exclusive_access_registrants_only);
  EXPECT_THAT(change.notices, IsEmpty());
  EXPECT_EQ(state_.generation, 4u);
  done(Action::register_and_move, nexus("d"),
       {.key = 7, .service_action_key = 8, .persist = true, .unregister = true, .ports = {b_.port}});
  EXPECT_THAT(keys(), ElementsAre(key_a, 8, key_c));
  EXPECT_THAT(holders(), ElementsAre(8));
  EXPECT_TRUE(state_.persist);
}

TEST_F(ReservationRules, OnlyTheHolderMovesItsReservation) {
  register_all();
  const Fields by_a{.key = key_a, .service_action_key = 7, .ports = {b_.port}};
  EXPECT_EQ(sense(Action::register_and_move, a_, by_a), scsi::invalid_field_in_cdb(1, 4));
  done(Action::reserve, a_, {.key = key_a, .type = 1});
  EXPECT_TRUE(conflicts(Action::register_and_move, b_,
                        {.key = key_b, .service_action_key = 7, .ports = {c_.port}}));
  EXPECT_TRUE(conflicts(Action::register_and_move, a_,
                        {.key = key_b, .service_action_key = 7, .ports = {c_.port}}));
  EXPECT_TRUE(conflicts(Action::register_and_move, nexus("stranger"), by_a));
  done(Action::release, a_, {.key = key_a, .type = 1});
  done(Action::reserve, a_, {.key = key_a, .type = 7});
  EXPECT_TRUE(conflicts(Action::register_and_move, a_, by_a)) << "all of them hold it";
}

TEST_F(ReservationRules, WhatIsNotLostIsNotReplaced) {
  // SPC-4 5.13.11.3.
  const scsi::Sense none_lost =
      illegal_request(scsi::additional_sense::invalid_release_of_persistent_reservation);
  EXPECT_EQ(sense(Action::replace_lost_reservation, a_, {.service_action_key = 7, .type = 1}), none_lost);
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 1});
  const scsi::PersistentReservations before = state_;
  EXPECT_EQ(sense(Action::replace_lost_reservation, b_, {.service_action_key = 7, .type = 1}), none_lost);
  EXPECT_EQ(state_, before);
}

TEST_F(ReservationRules, AMoveToNowhereIsPointedAt) {
  register_all();
  done(Action::reserve, a_, {.key = key_a, .type = 1});
  const auto told = [this](Fields fields) {
    fields.key = key_a;
    return sense(Action::register_and_move, a_, fields);
  };
  EXPECT_EQ(told({.ports = {b_.port}}), scsi::invalid_field_in_parameter_list(8));
  EXPECT_EQ(told({.service_action_key = 7, .target_port = 2, .ports = {b_.port}}),
            scsi::invalid_field_in_parameter_list(18));
  EXPECT_EQ(told({.service_action_key = 7, .ports = {a_.port}}),
            scsi::invalid_field_in_parameter_list(24));
  EXPECT_EQ(told({.service_action_key = 7, .ports = {InitiatorPort{"iqn.b", std::nullopt}}}),
            scsi::invalid_field_in_parameter_list(24, 7));
  can_persist_ = false;
  EXPECT_EQ(told({.service_action_key = 7, .persist = true, .ports = {b_.port}}),
            scsi::invalid_field_in_parameter_list(17, 0));
}

}  // namespace
}  // namespace holdfast::target
