#include "initiator/watch/case_file.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <vector>

#include "initiator/watch/evidence_ring.h"
#include "initiator/watch/stall_judge.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds(1000)};

EvidenceSample sample_at(Duration at) {
  EvidenceSample sample;
  sample.at = start + at;
  sample.connection_count = 2;
  for (std::size_t i = 0; i < 2; ++i) {
    ConnectionEvidence& one = sample.connections[i];
    one.id = static_cast<std::uint32_t>(i + 1);
    one.tcp.known = true;
    one.tcp.state = TCP_ESTABLISHED;
    one.tcp.segment_bytes = 1448;
    one.tcp.send_window = 65536;
  }
  return sample;
}

TEST(CaseFile, IsDrawnFromTheStallsOwnSamplesAndTheConnectionThatOwesTheOldestAnswer) {
  // Goal: neither what was before, nor what came after, nor the other connection is taken for the stall's.
  std::vector<EvidenceSample> samples;
  for (int i = 0; i < 6; ++i) {
    EvidenceSample& sample = samples.emplace_back(sample_at(milliseconds(400 * i)));
    ConnectionEvidence& owing = sample.connections[1];
    owing.oldest.emplace().sent = start;
    owing.owed = 3;
    owing.tcp.segments_in = static_cast<std::uint32_t>(100 + i);
    owing.ping.asked = 5;
    owing.ping.answered = i < 4 ? 4 : 5;
    owing.ping.last_asked = start + milliseconds(500);
    sample.host.cpu_waited = milliseconds(10 * i);
    sample.knock.tried = static_cast<std::uint32_t>(i);
  }
  // It began at 0.3 s, so the looks at 0.4, 0.8, 1.2 and 1.6 s are in it, and that at 2 s ended it.
  const StallFrame frame{start + milliseconds(250), start + milliseconds(2000), milliseconds(1750)};
  const CaseFile file = case_of(samples, frame, "iscsi", nullptr);
  EXPECT_TRUE(file.over);
  EXPECT_TRUE(file.connected);
  EXPECT_EQ(file.owed, 3U);
  EXPECT_EQ(file.began.segments_in, 101U);
  EXPECT_EQ(file.last.segments_in, 104U);
  ASSERT_TRUE(file.after);
  EXPECT_EQ(file.after->segments_in, 105U);
  EXPECT_EQ(file.looked_for, milliseconds(1200));
  EXPECT_EQ(file.cpu_waited, milliseconds(30));
  EXPECT_EQ(file.pings_answered, 1U);
  EXPECT_TRUE(file.ping_works);
  EXPECT_FALSE(file.ping_open);
  EXPECT_EQ(file.knock.tried, 3U);
}

TEST(CaseFile, APingWithoutAnAnswerIsOpenSinceItWasAsked) {
  std::vector<EvidenceSample> samples = {sample_at(seconds(0)), sample_at(seconds(2))};
  for (EvidenceSample& sample : samples) {
    sample.connections[0].ping.asked = 2;
    sample.connections[0].ping.answered = 1;
    sample.connections[0].ping.last_asked = start + milliseconds(500);
  }
  const CaseFile file = case_of(samples, {start + milliseconds(100), {}, seconds(2)}, "iscsi", nullptr);
  ASSERT_TRUE(file.ping_open);
  EXPECT_EQ(*file.ping_open, milliseconds(1500));
}

TEST(CaseFile, WhoShowedItselfIsKnownByWhen) {
  std::vector<EvidenceSample> samples;
  for (int i = 0; i < 6; ++i) {
    EvidenceSample& sample = samples.emplace_back(sample_at(milliseconds(400 * i)));
    sample.operations = static_cast<std::uint64_t>(10 * i);
    // A new connection was answered at 0.6 s; the next one waits.
    sample.knock.answered = i >= 2 ? 2 : 1;
    sample.knock.answered_at = start + milliseconds(i >= 2 ? 600 : -5000);
  }
  const StallFrame frame{start + milliseconds(250), {}, milliseconds(1750)};
  const CaseFile alone = case_of(samples, frame, "nfs", nullptr);
  EXPECT_EQ(alone.others_answered, 0U) << "what ended without a byte from the peer was not answered by it";
  EXPECT_EQ(alone.knock.answered_after, milliseconds(350));
  EXPECT_EQ(alone.shown_ago, milliseconds(1400));
  EXPECT_EQ(alone.served_ago, alone.looked_for) << "not at all";
  EXPECT_EQ(alone.silent_for, milliseconds(1200)) << "since the look at 0.8 s";
  for (int i = 3; i < 6; ++i) {
    samples[static_cast<std::size_t>(i)].connections[1].tcp.bytes_received = 5000;
    samples[static_cast<std::size_t>(i)].connections[1].tcp.last_data_received_ms = static_cast<std::uint32_t>(400 * i - 1000);
  }
  const CaseFile served = case_of(samples, frame, "nfs", nullptr);
  EXPECT_EQ(served.others_answered, 40U);
  EXPECT_EQ(served.served_ago, milliseconds(1000));
  EXPECT_EQ(served.shown_ago, milliseconds(1000));
  EXPECT_EQ(served.silent_for, milliseconds(800)) << "until the look at 0.8 s, and since the one at 1.2 s";
}

TEST(CaseFile, WithoutASampleThereIsNoConnection) {
  const CaseFile file = case_of({}, {start, {}, seconds(2)}, "nbd", nullptr);
  EXPECT_FALSE(file.connected);
  EXPECT_EQ(file.stalled, seconds(2));
}

TEST(CaseFile, RowsForTheRecordAreFewEvenlySpreadAndEndWithTheLast) {
  std::vector<EvidenceSample> samples;
  for (int i = 0; i < 100; ++i) samples.push_back(sample_at(milliseconds(200 * i)));
  const StallFrame frame{start + seconds(5), {}, seconds(15)};
  const std::vector<PathSample> rows = rows_of(samples, frame, start, 24);
  ASSERT_EQ(rows.size(), 24U);
  EXPECT_EQ(rows.front().at, seconds(3)) << "from two seconds before";
  EXPECT_EQ(rows.back().at, milliseconds(19'800));
  EXPECT_EQ(rows.back().connection, 1U);
}

/// Looks every 200 ms at a connection that owes an answer since `start`, of which the first `silent` find our
/// segments unacknowledged, and those behind them find that everything has passed.
std::vector<EvidenceSample> a_cut(int looks, int silent, bool peer_repeats) {
  std::vector<EvidenceSample> samples;
  for (int i = 0; i < looks; ++i) {
    EvidenceSample& sample = samples.emplace_back(sample_at(milliseconds(200 * (i + 1))));
    ConnectionEvidence& one = sample.connections[0];
    one.oldest.emplace().sent = start;
    one.owed = 4;
    TcpState& tcp = one.tcp;
    const auto tries = static_cast<std::uint32_t>(std::min(i, silent));
    tcp.bytes_sent = 100'000 + 1448 * tries;
    tcp.bytes_sent_again = 1448 * tries;
    tcp.segments_sent_again = tries;
    tcp.retransmits = tcp.backoff = static_cast<std::uint8_t>(i < silent ? tries : 0);
    tcp.unacked = i < silent ? 4 : 0;
    tcp.bytes_acked = i < silent ? 94'000 : 100'000;
    tcp.bytes_received = i < silent ? 5000 : 25'000;
    tcp.last_data_sent_ms = 150;
    tcp.last_ack_received_ms = static_cast<std::uint32_t>(200 * (i + 1));
    if (peer_repeats) tcp.data_segments_in = tries / 2;
  }
  return samples;
}

TEST(StallJudge, APathThatHasHealedWhileTheAnswerIsOnItsWayIsBlamedForTheTimeBefore) {
  const StallFrame frame{start, start + milliseconds(3000), seconds(3)};
  const BlameJudgement judgement = judge_stall(a_cut(14, 13, false), frame, "iscsi", "", nullptr);
  EXPECT_STREQ(to_string(judgement.blame), "network");
}

TEST(StallJudge, TheDirectionThatWasSeenForAGoodPartOfItIsTheBlame) {
  const StallFrame frame{start, start + milliseconds(3000), seconds(3)};
  const BlameJudgement judgement = judge_stall(a_cut(14, 13, true), frame, "iscsi", "", nullptr);
  EXPECT_STREQ(to_string(judgement.blame), "network_out");
}

TEST(StallJudge, ABriefMomentOfALongStallDecidesNothing) {
  const StallFrame frame{start, start + milliseconds(6000), seconds(6)};
  std::vector<EvidenceSample> samples = a_cut(29, 0, false);
  samples[20].connections[0].tcp.state = TCP_ESTABLISHED;
  samples[20].connections[0].tcp.unacked = 1;
  samples[20].connections[0].tcp.backoff = 2;
  EXPECT_STREQ(to_string(judge_stall(samples, frame, "iscsi", "", nullptr).blame), "unknown");
}

TEST(EvidenceRing, KeepsAMinuteAndWhatAStallHolds) {
  EvidenceRing ring;
  for (int i = 0; i < 200; ++i) ring.add(sample_at(seconds(i)));
  EXPECT_EQ(ring.samples().size(), 61U);
  ring.hold(start + seconds(190));
  for (int i = 200; i < 300; ++i) ring.add(sample_at(seconds(i)));
  EXPECT_EQ(ring.samples().front().at, start + seconds(139)) << "what is a minute before it is older by then";
  ring.let_go();
  ring.add(sample_at(seconds(300)));
  EXPECT_EQ(ring.samples().front().at, start + seconds(240));
}

TEST(EvidenceRing, AnEndlessStallKeepsItsBeginningAndItsEndInBoundedMemory) {
  EvidenceRing ring;
  for (int i = 0; i < 60; ++i) ring.add(sample_at(seconds(i)));
  ring.hold(start + seconds(59));
  for (int i = 0; i < 100'000; ++i) ring.add(sample_at(seconds(60) + milliseconds(200 * i)));
  const std::span<const EvidenceSample> samples = ring.samples();
  EXPECT_LE(samples.size(), EvidenceRing::samples_max);
  EXPECT_EQ(samples.front().at, start) << "the minute before it is whole";
  EXPECT_EQ(samples[61].at, start + seconds(60) + milliseconds(200)) << "and its beginning";
  EXPECT_EQ(samples.back().at - samples[samples.size() - 10].at, milliseconds(1800)) << "and the latest";
  for (std::size_t i = 1; i < samples.size(); ++i) ASSERT_LT(samples[i - 1].at, samples[i].at);
}

}  // namespace
}  // namespace holdfast::initiator
