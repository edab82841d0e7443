#include "common/iscsi/receiver.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/iscsi/framing.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/task.h"

namespace holdfast::iscsi {
namespace {

/// Says what becomes of each PDU by its opcode, and keeps what arrived.
class Reader final : public Receiver::Owner {
 public:
  Intake header_arrived(const GenericBhs& header,
                        std::span<const std::byte> additional) override {
    if (put_off > 0) {
      --put_off;
      return {.kind = Intake::Kind::later};
    }
    ++headers;
    additional_bytes += additional.size();
    switch (header.opcode.opcode()) {
      case Opcode::nop_out: return {.kind = Intake::Kind::collect};
      case Opcode::data_in: {
        chunks = {{landed.emplace_back(header.data_segment_bytes, '-').data(), header.data_segment_bytes}};
        place = MemoryCursor(chunks);
        return {.kind = Intake::Kind::land, .memory = &place};
      }
      case Opcode::data_out:
        place = MemoryCursor(chunks, land_at);
        return {.kind = Intake::Kind::land, .memory = &place, .bytes = land_max};
      default: return {};
    }
  }
  void pdu_arrived(std::span<const std::byte> data) override {
    collected.emplace_back(reinterpret_cast<const char*>(data.data()), data.size());
    if (headers == until) ended.set();
  }
  void data_is_spoiled() override {
    ++spoiled;
    if (headers == until) ended.set();
  }
  void header_is_spoiled() override { FAIL() << "there are no digests"; }
  void heard() override {}
  Duration rest(std::size_t bytes) override {
    bytes_when_asked.push_back(bytes);
    return rest_for;
  }
  void stream_ended(int error) override {
    last_error = error;
    over.set();
  }

  Duration rest_for{};
  std::vector<std::size_t> bytes_when_asked;
  int put_off = 0;
  int until = -1;
  int headers = 0;
  int spoiled = 0;
  std::size_t additional_bytes = 0;
  std::vector<std::string> collected;
  std::deque<std::string> landed;
  std::vector<iovec> chunks;
  MemoryCursor place;
  std::uint32_t land_at = 0, land_max = 0;
  int last_error = -1;
  Event ended, over;
};

std::string pdu(Opcode opcode, const std::string& data, std::uint8_t ahs_words = 0) {
  GenericBhs header;
  header.opcode = opcode;
  header.ahs_words = ahs_words;
  header.data_segment_bytes = static_cast<std::uint32_t>(data.size());
  const HeaderBytes bytes = to_bytes(header);
  std::string wire(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  wire += std::string(std::size_t{4} * ahs_words, 'A') + data;
  return wire + std::string(padding_of(header.data_segment_bytes), '\0');
}

class ReceiverTest : public testing::Test {
 protected:
  ReceiverTest() : loop_(Loop::create().value()) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    ours_ = Fd(ends[0]);
    theirs_ = Fd(ends[1]);
    receiver_.emplace(*loop_, ours_.get(), Digests{}, reader_);
  }

  /// Sends `wire` in pieces of `piece` bytes, a turn of the loop between them, until the reader has
  /// seen `headers` headers.
  void exchange(const std::string& wire, std::size_t piece, int headers) {
    reader_.until = headers;
    loop_->run(exchange_on_loop(wire, piece));
  }

  Task<void> exchange_on_loop(std::string wire, std::size_t piece) {
    receiver_->start();
    for (std::size_t at = 0; at < wire.size();) {
      const ssize_t sent = ::send(theirs_.get(), wire.data() + at,
                                  std::min(piece, wire.size() - at), MSG_NOSIGNAL);
      if (sent > 0) at += static_cast<std::size_t>(sent);
      co_await sleep_for(*loop_, std::chrono::microseconds(1));
    }
    co_await reader_.ended.wait();
    receiver_->stop();
    if (!receiver_->idle()) co_await reader_.over.wait();
  }

  Task<void> resume_later() {
    const std::string wire = pdu(Opcode::nop_out, "later");
    EXPECT_EQ(::send(theirs_.get(), wire.data(), wire.size(), 0),
              static_cast<ssize_t>(wire.size()));
    receiver_->start();
    co_await sleep_for(*loop_, std::chrono::milliseconds(20));
    EXPECT_EQ(reader_.headers, 0);
    receiver_->resume();
    co_await reader_.ended.wait();
    receiver_->stop();
    if (!receiver_->idle()) co_await reader_.over.wait();
  }

  Task<void> stop_while_it_rests() {
    const std::string one = pdu(iscsi::Opcode::nop_out, "rest");
    EXPECT_EQ(::send(theirs_.get(), one.data(), one.size(), 0), static_cast<ssize_t>(one.size()));
    receiver_->start();
    co_await reader_.ended.wait();
    co_await sleep_for(*loop_, std::chrono::milliseconds(1));
    receiver_->stop();
    EXPECT_TRUE(receiver_->idle());
  }

  Task<void> end_the_stream() {
    receiver_->start();
    theirs_.reset();
    co_await reader_.over.wait();
  }

  std::unique_ptr<Loop> loop_;
  Fd ours_, theirs_;
  Reader reader_;
  std::optional<Receiver> receiver_;
};

TEST_F(ReceiverTest, TakesPdusApartHoweverTheBytesCome) {
  const std::string wire = pdu(Opcode::nop_out, "ping") + pdu(Opcode::text_request, "dropped") +
                           pdu(Opcode::nop_out, "x", 3) + pdu(Opcode::nop_out, "");
  exchange(wire, 7, 4);
  EXPECT_EQ(reader_.collected, (std::vector<std::string>{"ping", "", "x", ""}));
  EXPECT_EQ(reader_.additional_bytes, 12u);
}

TEST_F(ReceiverTest, TakesManyPdusFromOneReceive) {
  std::string wire;
  for (int i = 0; i < 1000; ++i) wire += pdu(Opcode::nop_out, std::to_string(i));
  exchange(wire, wire.size(), 1000);
  ASSERT_EQ(reader_.collected.size(), 1000u);
  EXPECT_EQ(reader_.collected.back(), "999");
}

TEST_F(ReceiverTest, LandsLongSegmentsInTheirChunksAndDropsWhatIsTooMuch) {
  // Goal: every byte of a segment that spans chunks and receives is where it belongs, and nothing
  // is written beyond. Method: segments that begin and end inside chunks, in small and large
  // pieces.
  constexpr std::size_t chunks = 6, chunk_bytes = 64 * 1024;
  for (std::size_t piece : {std::size_t{5'000}, std::size_t{1'000'000}}) {
    std::vector<std::byte> memory(chunks * chunk_bytes, std::byte{0xee});
    reader_.chunks.clear();
    for (std::size_t i = 0; i < chunks; ++i)
      reader_.chunks.push_back({memory.data() + i * chunk_bytes, chunk_bytes});
    reader_.land_at = 70'001;
    reader_.land_max = 200'003;
    std::string data(250'001, '\0');
    std::iota(data.begin(), data.end(), '\0');
    reader_.headers = 0;
    reader_.ended.reset();
    reader_.over.reset();
    reader_.collected.clear();
    receiver_.emplace(*loop_, ours_.get(), Digests{}, reader_);
    exchange(pdu(Opcode::data_out, data) + pdu(Opcode::nop_out, "next"), piece, 2);
    EXPECT_EQ(reader_.collected.back(), "next");
    EXPECT_EQ(memory[70'000], std::byte{0xee});
    EXPECT_EQ(std::memcmp(memory.data() + 70'001, data.data(), 200'003), 0);
    EXPECT_EQ(memory[270'004], std::byte{0xee});
  }
}

TEST_F(ReceiverTest, LongAndShortSegmentsMayFollowEachOther) {
  // Goal: whichever way a segment was expected to come, it ends up where it belongs. Method: all pairs of lengths around
  // what is looked ahead at, what is thought long, and the buffer, in small and in large pieces.
  constexpr std::size_t lengths[] = {0, 1, 15, 16, 17, 64, 16'383, 16'384, 16'385, 65'535, 70'001, 300'000};
  std::string wire;
  std::vector<std::string> sent;
  for (std::size_t one : lengths) {
    for (std::size_t other : lengths) {
      for (std::size_t length : {one, other}) {
        std::string data(length, '\0');
        std::iota(data.begin(), data.end(), static_cast<char>(sent.size()));
        wire += pdu(Opcode::data_in, data, sent.size() % 7 == 0 ? 2 : 0);
        sent.push_back(std::move(data));
      }
    }
  }
  for (std::size_t piece : {std::size_t{9'973}, std::size_t{1'000'000}}) {
    reader_.headers = 0;
    reader_.ended.reset();
    reader_.over.reset();
    reader_.landed.clear();
    receiver_.emplace(*loop_, ours_.get(), Digests{}, reader_);
    exchange(wire, piece, static_cast<int>(sent.size()));
    ASSERT_EQ(reader_.landed.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); ++i) EXPECT_TRUE(reader_.landed[i] == sent[i]) << i;
  }
}

TEST_F(ReceiverTest, TellsOfSegmentsWhoseDigestIsWrong) {
  const auto with_digest = [](std::string bytes, std::size_t data_at) {
    Crc32c crc;
    crc.add(std::as_bytes(std::span(bytes).subspan(data_at)));
    const DigestBytes digest = crc.wire();
    return bytes.append(reinterpret_cast<const char*>(digest.data()), digest.size());
  };
  for (const std::size_t length : {std::size_t{5}, std::size_t{70'001}}) {
    const std::string right = with_digest(pdu(Opcode::data_in, std::string(length, 'r')), bhs_bytes);
    std::string wrong = right;
    wrong[bhs_bytes + length / 2] = 'w';
    reader_.headers = reader_.spoiled = 0;
    reader_.ended.reset();
    reader_.over.reset();
    receiver_.emplace(*loop_, ours_.get(), Digests{.header = false, .data = true}, reader_);
    exchange(right + wrong + right, 100'000, 3);
    EXPECT_EQ(reader_.spoiled, 1) << length;
  }
}

TEST_F(ReceiverTest, OffersAPostponedPduAgainOnResume) {
  reader_.put_off = 1;
  reader_.until = 1;
  loop_->run(resume_later());
  EXPECT_EQ(reader_.collected, (std::vector<std::string>{"later"}));
}

TEST_F(ReceiverTest, TakesInOnePieceWhatCameWhileItRested) {
  reader_.rest_for = std::chrono::milliseconds(50);
  const std::string one = pdu(iscsi::Opcode::nop_out, "rest");
  exchange(one + one + one, one.size() / 2, 3);
  EXPECT_EQ(reader_.headers, 3);
  const std::vector<std::size_t>& asked = reader_.bytes_when_asked;
  EXPECT_EQ(std::accumulate(asked.begin(), asked.end(), std::size_t{0}), 3 * one.size());
  EXPECT_LE(asked.size(), 2u) << "the first PDU, and all the others";
}

TEST_F(ReceiverTest, IsIdleWhenItIsStoppedWhileItRests) {
  reader_.rest_for = std::chrono::hours(1);
  reader_.until = 1;
  loop_->run(stop_while_it_rests());
}

TEST_F(ReceiverTest, TellsOfTheEndOfTheStream) {
  loop_->run(end_the_stream());
  EXPECT_EQ(reader_.last_error, 0);
}

}  // namespace
}  // namespace holdfast::iscsi
