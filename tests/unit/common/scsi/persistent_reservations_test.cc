#include "common/scsi/persistent_reservations.h"

#include <gmock/gmock.h>

namespace holdfast::scsi {
namespace {

using Action = PersistentReserveOut::Action;
using Bytes = std::vector<std::uint8_t>;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

constexpr InitiatorPort::Isid isid{1, 2, 3, 4, 5, 6};

PersistentReservations two_registrants() {
  PersistentReservations state;
  state.generation = 0x01020304;
  state.registrations.push_back({.port = {"iqn.a", isid}, .target_port = 1, .key = 0xaabb});
  state.registrations.push_back(
      {.port = {"iqn.b", std::nullopt}, .target_port = 2, .key = 0x1122334455667788});
  return state;
}

/// A parameter list of 24 bytes with keys 1 and 2.
Bytes basic(std::uint8_t flags = 0) {
  Bytes list(24);
  list[7] = 1;
  list[15] = 2;
  list[20] = flags;
  return list;
}

Bytes with_ports(const std::vector<InitiatorPort>& ports) {
  Bytes list = basic(0x08);
  list.resize(28);
  for (const InitiatorPort& port : ports) put_transport_id(list, port);
  list[26] = static_cast<std::uint8_t>((list.size() - 28) >> 8);
  list[27] = static_cast<std::uint8_t>(list.size() - 28);
  return list;
}

Bytes move_to(const InitiatorPort& port, std::uint8_t flags = 0) {
  Bytes list(24);
  list[7] = 1;
  list[15] = 2;
  list[17] = flags;
  list[19] = 3;
  put_transport_id(list, port);
  list[23] = static_cast<std::uint8_t>(list.size() - 24);
  return list;
}

ReserveOutParameters taken(Action action, const Bytes& list) {
  auto parsed = parse_reserve_out(action, list);
  EXPECT_TRUE(std::holds_alternative<ReserveOutParameters>(parsed));
  auto* parameters = std::get_if<ReserveOutParameters>(&parsed);
  return parameters == nullptr ? ReserveOutParameters{} : std::move(*parameters);
}

Sense refusal(Action action, const Bytes& list) {
  const auto parsed = parse_reserve_out(action, list);
  EXPECT_TRUE(std::holds_alternative<Sense>(parsed)) << "it was taken";
  const auto* sense = std::get_if<Sense>(&parsed);
  return sense == nullptr ? Sense{} : *sense;
}

TEST(PersistentReserveIn, KeysStandInTheOrderOfTheirRegistrations) {
  EXPECT_THAT(read_keys({}), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(read_keys(two_registrants()),
              ElementsAre(1, 2, 3, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0xaa, 0xbb, 0x11, 0x22, 0x33,
                          0x44, 0x55, 0x66, 0x77, 0x88));
}

TEST(PersistentReserveIn, AReservationHasItsHoldersKey) {
  PersistentReservations state = two_registrants();
  EXPECT_THAT(read_reservation(state), ElementsAre(1, 2, 3, 4, 0, 0, 0, 0));
  state.reservation = ReservationType::write_exclusive_registrants_only;
  state.registrations[0].holds = true;
  EXPECT_THAT(read_reservation(state), ElementsAre(1, 2, 3, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0xaa,
                                                   0xbb, 0, 0, 0, 0, 0, 0x05, 0, 0));
}

TEST(PersistentReserveIn, AReservationOfAllRegistrantsHasNoKey) {
  PersistentReservations state = two_registrants();
  state.reservation = ReservationType::exclusive_access_all_registrants;
  EXPECT_THAT(read_reservation(state), ElementsAre(1, 2, 3, 4, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0,
                                                   0, 0, 0, 0, 0, 0x08, 0, 0));
}

TEST(PersistentReserveIn, CapabilitiesSayWhatIsKept) {
  PersistentReservations state;
  EXPECT_THAT(report_capabilities(state, false), ElementsAre(0, 8, 0x9c, 0x90, 0xea, 0x01, 0, 0));
  state.persist = true;
  EXPECT_THAT(report_capabilities(state, true), ElementsAre(0, 8, 0x9d, 0x91, 0xea, 0x01, 0, 0));
}

TEST(PersistentReserveIn, FullStatusNamesEveryPort) {
  PersistentReservations state = two_registrants();
  state.reservation = ReservationType::exclusive_access;
  state.registrations[0].holds = true;
  const Bytes data = read_full_status(state);
  EXPECT_EQ(data[7] + 8u, data.size());
  Bytes expected{0, 0, 0, 0, 0, 0, 0xaa, 0xbb, 0, 0, 0, 0, 0x01, 0x03, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  Bytes id;
  put_transport_id(id, state.registrations[0].port);
  expected.push_back(static_cast<std::uint8_t>(id.size()));
  expected.insert(expected.end(), id.begin(), id.end());
  EXPECT_THAT(Bytes(data.begin() + 8, data.begin() + 8 + static_cast<long>(expected.size())),
              ElementsAreArray(expected));
  const std::size_t second = 8 + expected.size();
  EXPECT_EQ(data[second], 0x11);
  EXPECT_EQ(data[second + 12], 0);  // no holder, and so no type
  EXPECT_EQ(data[second + 13], 0);
  EXPECT_EQ(data[second + 19], 2);  // RELATIVE TARGET PORT IDENTIFIER
}

TEST(PersistentReserveOut, ListOf24Bytes) {
  const auto parameters = taken(Action::register_key, basic(0x05));
  EXPECT_EQ(parameters.key, 1u);
  EXPECT_EQ(parameters.service_action_key, 2u);
  EXPECT_TRUE(parameters.all_target_ports && parameters.persist);
  EXPECT_FALSE(parameters.specifies_ports);
}

TEST(PersistentReserveOut, ActionsThatIgnoreFlagsIgnoreThem) {
  for (const Action action : {Action::reserve, Action::release, Action::clear, Action::preempt,
                              Action::preempt_and_abort}) {
    const auto parameters = taken(action, basic(0x0d));
    EXPECT_FALSE(parameters.all_target_ports || parameters.persist || parameters.specifies_ports);
  }
}

TEST(PersistentReserveOut, ListOfAnyOtherLengthIsAnError) {
  for (const std::size_t bytes : {0u, 8u, 23u, 25u, 28u, 64u}) {
    Bytes list(bytes);
    EXPECT_EQ(refusal(Action::reserve, list), parameter_list_length_error()) << bytes;
    EXPECT_EQ(refusal(Action::register_key, list), parameter_list_length_error()) << bytes;
  }
}

TEST(PersistentReserveOut, ReservedBitsArePointedAt) {
  for (const int bit : {4, 5, 6, 7})
    EXPECT_EQ(refusal(Action::register_key, basic(static_cast<std::uint8_t>(1 << bit))),
              invalid_field_in_parameter_list(20, 7));
  EXPECT_EQ(refusal(Action::clear, basic(0x02)), invalid_field_in_parameter_list(20, 1));
  Bytes list = basic();
  list[21] = 1;
  EXPECT_EQ(refusal(Action::reserve, list), invalid_field_in_parameter_list(21));
  list = basic();
  list[16] = list[22] = 0xff;  // obsolete
  taken(Action::reserve, list);
}

TEST(PersistentReserveOut, PortsAreSpecifiedWithRegisterOnly) {
  const std::vector<InitiatorPort> ports{{"iqn.a", isid}, {"iqn.b", std::nullopt}};
  const auto parameters = taken(Action::register_key, with_ports(ports));
  EXPECT_TRUE(parameters.specifies_ports);
  EXPECT_EQ(parameters.ports, ports);
  EXPECT_EQ(refusal(Action::register_and_ignore_existing_key, with_ports(ports)),
            invalid_field_in_parameter_list(20, 3));
}

TEST(PersistentReserveOut, LengthsThatLieAreRefused) {
  const Bytes good = with_ports({{"iqn.a", isid}, {"iqn.b", isid}});
  for (const int change : {-4, 4, 64}) {
    Bytes bad = good;
    bad[27] = static_cast<std::uint8_t>(bad[27] + change);
    EXPECT_EQ(refusal(Action::register_key, bad), parameter_list_length_error()) << change;
  }
  Bytes bad = good;
  bad[27] = static_cast<std::uint8_t>(bad[27] + 1);
  EXPECT_EQ(refusal(Action::register_key, bad), invalid_field_in_parameter_list(24));
  bad = good;
  bad[24] = bad[25] = bad[26] = 0, bad[27] = 20;
  EXPECT_EQ(refusal(Action::register_key, bad), invalid_field_in_parameter_list(24));
  EXPECT_EQ(refusal(Action::register_key, basic(0x08)), parameter_list_length_error());
  bad = good;
  bad[28 + 3] = 0xff;  // of the first TransportID
  EXPECT_EQ(refusal(Action::register_key, bad), invalid_field_in_parameter_list(30));
}

TEST(PersistentReserveOut, MoveNamesOnePort) {
  const InitiatorPort to{"iqn.a", isid};
  const auto parameters = taken(Action::register_and_move, move_to(to, 0x03));
  EXPECT_TRUE(parameters.unregister && parameters.persist);
  EXPECT_EQ(parameters.target_port, 3);
  EXPECT_THAT(parameters.ports, ElementsAre(to));
  EXPECT_EQ(refusal(Action::register_and_move, move_to(to, 0x04)),
            invalid_field_in_parameter_list(17, 7));
  Bytes list = move_to(to);
  list[16] = 1;
  EXPECT_EQ(refusal(Action::register_and_move, list), invalid_field_in_parameter_list(16));
  list = move_to(to);
  const Bytes again(list.begin() + 24, list.end());
  list.insert(list.end(), again.begin(), again.end());
  list[23] = static_cast<std::uint8_t>(list.size() - 24);
  EXPECT_EQ(refusal(Action::register_and_move, list), invalid_field_in_parameter_list(20));
  list = move_to(to);
  list.resize(40);
  EXPECT_EQ(refusal(Action::register_and_move, list), parameter_list_length_error());
  EXPECT_EQ(refusal(Action::register_and_move, Bytes(24)), invalid_field_in_parameter_list(20));
}

TEST(ReservationType, SixCodesNameOne) {
  int named = 0;
  for (int code = 0; code < 256; ++code)
    if (reservation_type(static_cast<std::uint8_t>(code))) ++named;
  EXPECT_EQ(named, 6);
  EXPECT_FALSE(reservation_type(0));
  EXPECT_FALSE(reservation_type(2));
  EXPECT_FALSE(reservation_type(4));
}

}  // namespace
}  // namespace holdfast::scsi
