#include "target/lun/reservation_file.h"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <cstdio>
#include <random>
#include <string>

namespace holdfast::target {
namespace {

using scsi::InitiatorPort;
using scsi::PersistentReservations;

const std::string target = "iqn.2026-11.example:disk";

PersistentReservations full_state() {
  PersistentReservations state;
  state.generation = 4'000'000'000;
  state.persist = true;
  state.reservation = scsi::ReservationType::write_exclusive_registrants_only;
  state.registrations.push_back(
      {.port = {"iqn.a", InitiatorPort::Isid{0x40, 0, 1, 2, 3, 0xff}}, .target_port = 1, .key = 1});
  state.registrations.push_back({.port = {"iqn.with blanks\n%/\xc3\xa9", std::nullopt},
                                 .target_port = 65'535,
                                 .key = 0xffff'ffff'ffff'ffff,
                                 .holds = true});
  return state;
}

std::string message_of(const std::string& content) {
  const Result<PersistentReservations> state = decode_reservations(content, target, 0);
  EXPECT_FALSE(state) << "it was believed";
  return state ? "" : state.error().message;
}

/// The content with one line of it changed, and a checksum that fits.
std::string with(const std::string& line, const std::string& instead) {
  std::string content = encode_reservations(full_state(), target, 0);
  content.resize(content.rfind("checksum"));
  const std::size_t at = content.find(line);
  EXPECT_NE(at, std::string::npos) << content;
  content.replace(at, line.size(), instead);
  char checksum[64];
  std::snprintf(checksum, sizeof checksum, "checksum %016llx\n",
                static_cast<unsigned long long>(XXH3_64bits(content.data(), content.size())));
  return content + checksum;
}

TEST(ReservationFile, WhatIsKeptComesBack) {
  const PersistentReservations state = full_state();
  const auto back = decode_reservations(encode_reservations(state, target, 0), target, 0);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, state);
}

TEST(ReservationFile, WhatDoesNotPersistDoesNotComeBack) {
  PersistentReservations state = full_state();
  state.persist = false;
  const auto back = decode_reservations(encode_reservations(state, target, 0), target, 0);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, PersistentReservations{});
}

TEST(ReservationFile, TheLargestFits) {
  PersistentReservations state;
  state.persist = true;
  for (std::size_t i = 0; i < scsi::registrations_max; ++i) {
    InitiatorPort port{std::string(223, '\xff'), InitiatorPort::Isid{}};
    state.registrations.push_back({.port = port, .target_port = 65'535, .key = ~std::uint64_t{0}});
  }
  const std::string content = encode_reservations(state, target, 0);
  EXPECT_LE(content.size(), reservation_file_bytes_max);
  EXPECT_TRUE(decode_reservations(content, target, 0));
  state.registrations.push_back(state.registrations.back());
  const auto one_more = decode_reservations(encode_reservations(state, target, 0), target, 0);
  EXPECT_FALSE(one_more);
}

TEST(ReservationFile, WhatIsWrongIsSaid) {
  EXPECT_EQ(message_of("something else"), "it is damaged: its checksum is wrong");
  EXPECT_EQ(message_of(with("reservations 1", "reservations 2")),
            "line 1: it is not of this format");
  EXPECT_EQ(message_of(with("disk 0", "disk 1")), "line 2: it is another unit's");
  EXPECT_EQ(message_of(with("persist yes", "persist maybe")), "line 3: yes or no is needed");
  EXPECT_EQ(message_of(with("generation 4000000000", "generation 4294967296")),
            "line 4: no generation");
  EXPECT_EQ(message_of(with("type 5", "type 2")), "line 5: no such type");
  EXPECT_EQ(message_of(with("type 5", "type 7")),
            "line 7: the reservation and its holder do not fit");
  EXPECT_EQ(message_of(with("type 5", "type 0")),
            "line 7: the reservation and its holder do not fit");
  EXPECT_EQ(message_of(with("holder", "holding")), "line 7: no registration");
  EXPECT_EQ(message_of(with("0000000000000001", "0000000000000000")), "line 6: no registration");
  EXPECT_EQ(message_of(with("4000010203ff", "4000010203")), "line 6: no registration");
}

TEST(ReservationFile, AByteThatChangedIsNoticed) {
  const std::string good = encode_reservations(full_state(), target, 0);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x04);
    EXPECT_FALSE(decode_reservations(bad, target, 0)) << "byte " << i;
    EXPECT_FALSE(decode_reservations(good.substr(0, i), target, 0)) << "cut to " << i;
  }
}

TEST(ReservationFile, RandomLinesWithAGoodChecksumAreTakenOrRefused) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::string content = encode_reservations(full_state(), target, 0);
  content.resize(content.rfind("checksum"));
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = content;
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes)
      bad[random() % bad.size()] = "0 %\nfy9z"[random() % 8];
    char checksum[64];
    std::snprintf(checksum, sizeof checksum, "checksum %016llx\n",
                  static_cast<unsigned long long>(XXH3_64bits(bad.data(), bad.size())));
    const auto state = decode_reservations(bad + checksum, target, 0);
    if (!state) continue;
    for (const scsi::Registration& registration : state->registrations) {
      ASSERT_NE(registration.key, 0u);
      ASSERT_FALSE(registration.port.name.empty());
    }
  }
}

TEST(ReservationFile, EveryUnitHasANameOfItsOwnThatAFolderTakes) {
  EXPECT_EQ(reservation_file_name(target, 3), "iqn.2026-11.example:disk.lun3.reservations");
  EXPECT_EQ(reservation_file_name("iqn.a/../b", 0), "iqn.a%2f..%2fb.lun0.reservations");
  const std::string first = reservation_file_name(std::string(223, '\xc3'), 16'383);
  const std::string second = reservation_file_name(std::string(222, '\xc3') + "a", 16'383);
  EXPECT_LE(first.size(), 255u - 4);  // ".new" is put behind it
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace holdfast::target
