// Bytes of every kind through every reader of this folder. Goal: no reader has undefined behaviour
// or trips a CHECK, whatever a peer sends. Method: random and mutated inputs from a seed that is
// printed (HOLDFAST_SEED repeats a run), under the sanitizers of the debug build.
// `one_input` has the shape of a libFuzzer entry, so that a fuzzer can drive the same body.

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "common/iscsi/framing.h"
#include "common/iscsi/negotiation.h"
#include "common/iscsi/text.h"

namespace holdfast::iscsi {
namespace {

void negotiate(std::string_view text, Side side, Negotiator::Phase phase, bool discovery) {
  Parameters ours;
  ours.max_burst_length = 65'536;
  ours.first_burst_length = 65'536;
  ours.immediate_data = false;
  Negotiator negotiator(side, phase, ours, discovery);
  TextBuilder reply;
  if (phase == Negotiator::Phase::login) negotiator.propose_what_defaults_would_break(reply);
  Result<std::vector<TextPair>> pairs = parse_text(text);
  if (!pairs) return;
  TextBuilder answers;
  if (!negotiator.receive(*pairs, answers)) return;
  Result<Parameters> result = negotiator.result();
  if (!result) return;
  EXPECT_LE(result->first_burst_length, result->max_burst_length);
  EXPECT_GE(result->peer_max_recv_data_segment_length, 512u);
  EXPECT_LE(result->peer_max_recv_data_segment_length, 16'777'215u);
  EXPECT_GE(result->max_burst_length, 512u);
  // What we answer can itself be read.
  EXPECT_TRUE(answers.text().size() > text_bytes_max || parse_text(answers.text()));
}

int one_input(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  if (size >= bhs_bytes) {
    const GenericBhs header = from_bytes<GenericBhs>(bytes.first<bhs_bytes>());
    for (Side side : {Side::initiator, Side::target}) {
      const std::optional<PduFault> fault = check_header(header, side, 65'536);
      const PduLayout layout = layout_of(header, {.header = true, .data = true});
      EXPECT_LE(layout.after_header(), 255u * 4 + 16'777'216u + 8u);
      EXPECT_TRUE(fault || layout.data_bytes <= 65'536u);
    }
    EXPECT_FALSE(name_of(header.opcode.opcode()).empty());
    EXPECT_EQ(std::memcmp(to_bytes(header).data(), bytes.data(), bhs_bytes), 0);
  }
  AhsContents contents;
  static_cast<void>(parse_ahs(bytes, contents));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (Side side : {Side::initiator, Side::target})
    for (bool discovery : {false, true}) {
      negotiate(text, side, Negotiator::Phase::login, discovery);
      negotiate(text, side, Negotiator::Phase::full_feature, discovery);
    }
  return 0;
}

class AnyBytes : public testing::Test {
 protected:
  AnyBytes() {
    const char* given = std::getenv("HOLDFAST_SEED");
    const std::uint64_t seed =
        given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    RecordProperty("seed", std::to_string(seed));
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    random_.seed(seed);
  }

  std::size_t below(std::size_t limit) { return random_() % limit; }
  template <typename List>
  auto pick(const List& list) {
    return list[below(std::size(list))];
  }

  std::mt19937_64 random_;
};

TEST_F(AnyBytes, RandomBytesAreHarmless) {
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::uint8_t> bytes(below(300));
    for (std::uint8_t& b : bytes) b = static_cast<std::uint8_t>(random_());
    one_input(bytes.data(), bytes.size());
  }
}

TEST_F(AnyBytes, TextsOfRealKeysWithDamageAreHarmless) {
  constexpr const char* values[] = {"Yes",
                                    "No",
                                    "0",
                                    "1",
                                    "512",
                                    "511",
                                    "65536",
                                    "16777215",
                                    "16777216",
                                    "0x2000",
                                    "None",
                                    "CRC32C",
                                    "CHAP,None",
                                    "Reject",
                                    "Irrelevant",
                                    "NotUnderstood",
                                    "",
                                    ",",
                                    "-1",
                                    "All",
                                    "99999999999999999999999"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const std::size_t pairs = below(12);
    for (std::size_t i = 0; i < pairs; ++i) {
      text += row_of(static_cast<Key>(below(key_count))).name;
      text += '=';
      text += pick(values);
      text += '\0';
    }
    for (std::size_t damage = below(3); damage > 0 && !text.empty(); --damage)
      text[below(text.size())] = static_cast<char>(random_());
    one_input(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  }
}

TEST_F(AnyBytes, TwoNegotiatorsAlwaysAgree) {
  // Goal: whatever both ends want, they end with the same values and each end's limits hold.
  for (int round = 0; round < 2000; ++round) {
    Parameters wants[2];
    for (Parameters& want : wants) {
      want.max_burst_length = static_cast<std::uint32_t>(512 + below(1'000'000));
      want.first_burst_length =
          static_cast<std::uint32_t>(512 + below(want.max_burst_length - 511));
      want.initial_r2t = below(2) != 0;
      want.immediate_data = below(2) != 0;
      want.default_time2wait = static_cast<std::uint32_t>(below(3601));
      want.default_time2retain = static_cast<std::uint32_t>(below(3601));
      want.max_outstanding_r2t = static_cast<std::uint32_t>(1 + below(65'535));
      want.our_max_recv_data_segment_length = static_cast<std::uint32_t>(512 + below(1'000'000));
      want.error_recovery_level = static_cast<std::uint32_t>(below(3));
    }
    Negotiator initiator(Side::initiator, Negotiator::Phase::login, wants[0], false);
    Negotiator target(Side::target, Negotiator::Phase::login, wants[1], false);
    TextBuilder offers;
    initiator.propose(Key::max_recv_data_segment_length, offers);
    for (Key key : {Key::first_burst_length, Key::max_burst_length, Key::initial_r2t,
                    Key::immediate_data, Key::default_time2wait, Key::default_time2retain,
                    Key::max_outstanding_r2t, Key::error_recovery_level, Key::header_digest})
      if (below(2) != 0) initiator.propose(key, offers);
    initiator.propose_what_defaults_would_break(offers);
    TextBuilder answers;
    ASSERT_TRUE(target.receive(*parse_text(offers.text()), answers));
    target.propose(Key::max_recv_data_segment_length, answers);
    target.propose_what_defaults_would_break(answers);
    TextBuilder back;
    Status taken = initiator.receive(*parse_text(answers.text()), back);
    ASSERT_TRUE(taken) << taken.error().message;
    TextBuilder end;
    taken = target.receive(*parse_text(back.text()), end);
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_TRUE(end.empty());
    EXPECT_FALSE(initiator.awaits_answers());
    EXPECT_FALSE(target.awaits_answers());

    Result<Parameters> a = initiator.result();
    Result<Parameters> b = target.result();
    ASSERT_TRUE(a) << a.error().message;
    ASSERT_TRUE(b) << b.error().message;
    EXPECT_EQ(a->max_burst_length, b->max_burst_length);
    EXPECT_EQ(a->first_burst_length, b->first_burst_length);
    EXPECT_EQ(a->initial_r2t, b->initial_r2t);
    EXPECT_EQ(a->immediate_data, b->immediate_data);
    EXPECT_EQ(a->default_time2wait, b->default_time2wait);
    EXPECT_EQ(a->default_time2retain, b->default_time2retain);
    EXPECT_EQ(a->max_outstanding_r2t, b->max_outstanding_r2t);
    EXPECT_EQ(a->error_recovery_level, b->error_recovery_level);
    EXPECT_EQ(a->our_max_recv_data_segment_length, b->peer_max_recv_data_segment_length);
    EXPECT_EQ(b->our_max_recv_data_segment_length, a->peer_max_recv_data_segment_length);
    EXPECT_LE(b->max_burst_length, wants[1].max_burst_length);
    EXPECT_LE(b->first_burst_length, wants[1].first_burst_length);
    EXPECT_TRUE(wants[1].immediate_data || !b->immediate_data);
  }
}

}  // namespace
}  // namespace holdfast::iscsi
