#include "initiator/watch/blame.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A stall of 3 s of an iSCSI connection on which nothing is wrong but that it owes an answer.
CaseFile a_stall() {
  CaseFile file;
  file.stalled = seconds(3);
  file.looked_for = milliseconds(2600);
  file.connected = true;
  file.owed = 4;
  TcpState& tcp = file.began;
  tcp.known = true;
  tcp.state = TCP_ESTABLISHED;
  tcp.segment_bytes = 1448;
  tcp.send_window = 65536;
  tcp.segments_in = 1000;
  tcp.data_segments_in = 900;
  tcp.bytes_sent = tcp.bytes_acked = 5'000'000;
  tcp.bytes_received = 40'000;
  tcp.rto_us = 204'000;
  tcp.rtt_us = 200;
  tcp.last_data_sent_ms = tcp.last_data_received_ms = tcp.last_ack_received_ms = 150;
  file.last = tcp;
  file.last.last_data_sent_ms = file.last.last_data_received_ms = file.last.last_ack_received_ms = 2900;
  file.ping_works = true;
  return file;
}

/// NOP-Outs were sent and answered meanwhile.
void pings_answered(CaseFile& file) {
  file.pings_answered = 10;
  file.ping_round_trip = milliseconds(1);
  file.last.bytes_sent += 880;
  file.last.bytes_acked += 880;
  file.last.bytes_received += 480;
  file.last.segments_in += 10;
  file.last.data_segments_in += 10;
  file.last.last_ack_received_ms = file.last.last_data_received_ms = 100;
}

/// A NOP-Out was sent, acknowledged by the peer's kernel, and not answered.
void ping_ignored(CaseFile& file) {
  file.ping_open = milliseconds(2700);
  file.acked_for = milliseconds(2600);
  file.last.bytes_sent += 88;
  file.last.bytes_acked += 88;
  file.last.segments_in += 1;
  file.last.last_ack_received_ms = 2700;
}

/// What is sent is not acknowledged, and nothing comes.
void unacknowledged(CaseFile& file) {
  file.last.unacked = 3;
  file.last.retransmits = 3;
  file.last.backoff = 3;
  file.last.rto_us = 1'632'000;
  file.last.bytes_sent += 88 + 3 * 1448;
  file.last.bytes_sent_again += 3 * 1448;
  file.last.segments_sent_again += 3;
  file.last.last_data_sent_ms = 800;
  file.ping_open = milliseconds(2700);
}

void knock_answered(CaseFile& file) {
  file.knock = {.works = true, .tried = 2, .connected = 2, .answered = 2, .took = milliseconds(1),
                .answered_after = milliseconds(300)};
}
void knock_taken_only(CaseFile& file) {
  file.knock = {.works = true, .tried = 1, .connected = 1, .waiting = milliseconds(2400)};
}
void knock_lost(CaseFile& file) { file.knock = {.works = true, .tried = 1, .connecting = milliseconds(2400)}; }

struct Row {
  const char* story;
  std::function<void(CaseFile&)> happened;
  Blame blame;
  PeerLife life;
};

const Row rows[] = {
    {"our loop did not run for most of it", [](CaseFile& f) { f.loop_late = milliseconds(2500); }, Blame::local,
     PeerLife::unknown},
    {"our thread waited for a processor", [](CaseFile& f) { f.loop_late = milliseconds(1300), f.cpu_waited = milliseconds(2400); }, Blame::local,
     PeerLife::unknown},
    {"the hypervisor took the processor", [](CaseFile& f) { f.cpu_stolen = milliseconds(2300); }, Blame::local,
     PeerLife::unknown},
    {"what came was not read by us",
     [](CaseFile& f) { f.began.in_queue = f.last.in_queue = 48; }, Blame::local, PeerLife::unknown},
    {"late as well as unacknowledged: ourselves first",
     [](CaseFile& f) {
       unacknowledged(f);
       f.loop_late = seconds(7);
     },
     Blame::local, PeerLife::silent},
    {"late for a while, but the kernel saw the loss whether we ran or not",
     [](CaseFile& f) {
       unacknowledged(f);
       f.loop_late = f.cpu_waited = seconds(3);
     },
     Blame::network, PeerLife::silent},
    {"many short waits for a processor, and a call that does not return",
     [](CaseFile& f) {
       f = {}, f.transport = "file", f.stalled = seconds(2);
       f.stuck_in = "the kernel has been in pwrite for 2.0 s";
       f.loop_late = milliseconds(640), f.cpu_waited = milliseconds(1700);
     },
     Blame::backend, PeerLife::no_peer},
    {"a little late, and the storage stuck",
     [](CaseFile& f) {
       pings_answered(f);
       f.loop_late = milliseconds(300);
     },
     Blame::backend, PeerLife::answers},

    {"reset", [](CaseFile& f) { f.failed = true, f.failure = ECONNRESET; }, Blame::closed_by_peer, PeerLife::closed},
    {"a FIN, not yet seen by the protocol", [](CaseFile& f) { f.last.state = TCP_CLOSE_WAIT; }, Blame::closed_by_peer,
     PeerLife::closed},
    {"closed because we had been stopped",
     [](CaseFile& f) { f.failed = true, f.failure = ECONNRESET, f.late_before = seconds(20); }, Blame::local,
     PeerLife::closed},
    {"given up by our kernel", [](CaseFile& f) { f.failed = true, f.failure = ETIMEDOUT; }, Blame::network,
     PeerLife::unknown},
    {"bytes that make no sense", [](CaseFile& f) { f.failed = true, f.failure = EPROTO; }, Blame::unknown,
     PeerLife::closed},
    {"given up by ourselves while the storage was stuck",
     [](CaseFile& f) {
       pings_answered(f);
       f.failed = true, f.failure = ECANCELED;
     },
     Blame::backend, PeerLife::answers},

    {"the peer does not read, but answers others",
     [](CaseFile& f) {
       f.last.send_window = 0, f.last.out_queue_unsent = 500'000;
       knock_answered(f);
     },
     Blame::window_closed, PeerLife::answers},
    {"the peer does not read and does not run",
     [](CaseFile& f) {
       f.last.send_window = 0, f.last.out_queue_unsent = 500'000;
       knock_taken_only(f);
     },
     Blame::peer_process, PeerLife::kernel_only},
    {"the peer does not read, and nobody else was asked",
     [](CaseFile& f) { f.last.send_window = 0, f.last.out_queue_unsent = 500'000; }, Blame::window_closed,
     PeerLife::kernel_only},
    {"the command window is closed and nothing is owed",
     [](CaseFile& f) {
       pings_answered(f);
       f.window_closed = true, f.owed = f.waiting = 3;
     },
     Blame::window_closed, PeerLife::answers},
    {"the command window is full of stuck commands",
     [](CaseFile& f) {
       pings_answered(f);
       f.window_closed = true, f.owed = 32, f.waiting = 3;
     },
     Blame::backend, PeerLife::answers},

    {"nothing comes back", [](CaseFile& f) { unacknowledged(f), knock_lost(f); }, Blame::network, PeerLife::silent},
    {"nothing comes back, and nobody else was asked", unacknowledged, Blame::network, PeerLife::silent},
    {"the peer sends again what we have",
     [](CaseFile& f) {
       unacknowledged(f), knock_lost(f);
       f.last.data_segments_in += 3, f.last.segments_in += 3;
       f.tried_since_passing = true;
     },
     Blame::network_out, PeerLife::kernel_only},
    {"the peer sends again, and we have not tried since: the path may have healed by then",
     [](CaseFile& f) {
       unacknowledged(f), knock_lost(f);
       f.last.data_segments_in += 3, f.last.segments_in += 3;
     },
     Blame::network, PeerLife::kernel_only},
    {"large segments vanish, small ones pass",
     [](CaseFile& f) { unacknowledged(f), knock_answered(f), f.tried_since_passing = true; }, Blame::network_out,
     PeerLife::answers},
    {"a new connection was taken when the path had healed",
     [](CaseFile& f) { unacknowledged(f), knock_answered(f); }, Blame::network, PeerLife::answers},
    {"datagrams come back, segments vanish",
     [](CaseFile& f) {
       unacknowledged(f);
       f.echo = {.works = true, .sent = 12, .answered = 12, .received = {}};
       f.tried_since_passing = true;
     },
     Blame::network_out, PeerLife::answers},
    {"the peer had our datagrams, we none of its answers",
     [](CaseFile& f) {
       unacknowledged(f);
       f.over = true;
       f.echo = {.works = true, .sent = 12, .answered = 0, .received = 12};
     },
     Blame::network_in, PeerLife::silent},
    {"the peer had none of our datagrams either: both, or ours",
     [](CaseFile& f) {
       unacknowledged(f);
       f.over = true;
       f.echo = {.works = true, .sent = 12, .answered = 0, .received = 0};
     },
     Blame::network, PeerLife::silent},
    {"what was sent in the silence was acknowledged without being sent again",
     [](CaseFile& f) {
       unacknowledged(f);
       f.over = true;
       f.after = f.last;
       f.after->unacked = 0, f.after->bytes_acked = f.after->bytes_sent - f.after->bytes_sent_again;
     },
     Blame::network_in, PeerLife::silent},
    {"it was sent again before it was acknowledged: it settles nothing",
     [](CaseFile& f) {
       unacknowledged(f);
       f.over = true;
       f.after = f.last;
       f.after->bytes_sent += 3 * 1448, f.after->bytes_sent_again += 3 * 1448;
       f.after->unacked = 0, f.after->bytes_acked = f.after->bytes_sent - f.after->bytes_sent_again;
     },
     Blame::network, PeerLife::silent},
    {"a little passes",
     [](CaseFile& f) {
       unacknowledged(f);
       f.last.bytes_acked += 1448, f.last.segments_in += 1;
     },
     Blame::network, PeerLife::kernel_only},
    {"one segment sent again, and silence since",
     [](CaseFile& f) { f.last.unacked = 1, f.last.retransmits = 1, f.last.segments_sent_again += 1; }, Blame::network,
     PeerLife::silent},
    {"nothing unacknowledged, nothing heard, and no new connection",
     [](CaseFile& f) {
       f.transport = "nbd", f.ping_works = false;
       f.last.last_ack_received_ms = f.last.last_data_received_ms = 3050;
       knock_lost(f);
     },
     Blame::network, PeerLife::silent},

    {"NBD: a new connection was taken only after a second",
     [](CaseFile& f) {
       f.transport = "nbd", f.ping_works = false, knock_answered(f);
       f.knock.took = milliseconds(1030), f.knock.answered_after = milliseconds(1300);
     },
     Blame::network, PeerLife::answers},
    {"NBD: a new connection was answered, and the peer's next try may still come",
     [](CaseFile& f) {
       f.transport = "nbd", f.ping_works = false, knock_answered(f);
       f.stalled = milliseconds(900);
     },
     Blame::unknown, PeerLife::answers},
    {"a NOP-Out acknowledged only just now",
     [](CaseFile& f) { ping_ignored(f), f.acked_for = milliseconds(30); }, Blame::unknown, PeerLife::kernel_only},
    {"one NOP-Out answered after the path had healed",
     [](CaseFile& f) {
       pings_answered(f);
       f.pings_answered = 1, f.ping_round_trip = milliseconds(1700);
     },
     Blame::unknown, PeerLife::answers},
    {"NOP-Out ignored", ping_ignored, Blame::peer_process, PeerLife::kernel_only},
    {"NOP-Out ignored, and a new connection too", [](CaseFile& f) { ping_ignored(f), knock_taken_only(f); },
     Blame::peer_process, PeerLife::kernel_only},
    {"NOP-Out ignored, a new connection answered",
     [](CaseFile& f) { ping_ignored(f), knock_answered(f); }, Blame::peer_process, PeerLife::answers},
    {"a full listen queue does not look like a network",
     [](CaseFile& f) { ping_ignored(f), knock_lost(f); }, Blame::peer_process, PeerLife::kernel_only},
    {"NBD: a new connection is taken and not answered",
     [](CaseFile& f) { f.transport = "nbd", f.ping_works = false, knock_taken_only(f); }, Blame::peer_process,
     PeerLife::kernel_only},
    {"a server that never answered a second connection says nothing by its silence",
     [](CaseFile& f) {
       f.transport = "nbd", f.ping_works = false, knock_taken_only(f);
       f.knock.works = false;
     },
     Blame::unknown, PeerLife::kernel_only},

    {"NOP-Outs answered", pings_answered, Blame::backend, PeerLife::answers},
    {"NFS: a new connection is answered, the call not",
     [](CaseFile& f) { f.transport = "nfs", f.ping_works = false, knock_answered(f); }, Blame::backend,
     PeerLife::answers},
    {"others were answered, the oldest not",
     [](CaseFile& f) { f.others_answered = 70, f.last.bytes_received += 70 * 48; }, Blame::backend, PeerLife::answers},
    {"NFS: it answered a new connection at first, and the next one not any more",
     [](CaseFile& f) {
       f.transport = "nfs", f.ping_works = false, knock_answered(f);
       f.knock.waiting = milliseconds(2100), f.shown_ago = milliseconds(2150), f.last.last_ack_received_ms = 2500;
     },
     Blame::peer_process, PeerLife::kernel_only},
    {"NFS: it answered a new connection, and for half a second now the next one not",
     [](CaseFile& f) {
       f.transport = "nfs", f.ping_works = false, knock_answered(f);
       f.knock.waiting = milliseconds(500), f.shown_ago = milliseconds(600);
     },
     Blame::unknown, PeerLife::answers},
    {"NFS: it answered a new connection, and nobody has asked since",
     [](CaseFile& f) {
       f.transport = "nfs", f.ping_works = false, knock_answered(f);
       f.shown_ago = milliseconds(1500);
     },
     Blame::unknown, PeerLife::kernel_only},
    {"NFS: nothing for longer than a second, and then, when it was over, others were answered before the oldest",
     [](CaseFile& f) {
       f.transport = "nfs", f.ping_works = false, f.others_answered = 5, f.last.bytes_received += 5 * 200;
       f.silent_for = milliseconds(1300);
     },
     Blame::unknown, PeerLife::answers},
    {"NFS: others were answered at first; then nothing was, nor a new connection",
     [](CaseFile& f) {
       f.transport = "nfs", f.ping_works = false, knock_taken_only(f);
       f.others_answered = 12, f.last.bytes_received += 12 * 200;
       f.served_ago = f.shown_ago = milliseconds(2400);
     },
     Blame::peer_process, PeerLife::kernel_only},
    {"NOP-Outs were answered at first, and then no more",
     [](CaseFile& f) {
       pings_answered(f), ping_ignored(f);
       f.ping_open = f.acked_for = milliseconds(1800);
       f.served_ago = f.shown_ago = milliseconds(1850);
     },
     Blame::peer_process, PeerLife::kernel_only},
    {"NOP-Outs were answered, and the last one is not for half a second",
     [](CaseFile& f) {
       pings_answered(f), ping_ignored(f);
       f.ping_open = f.acked_for = milliseconds(500);
       f.served_ago = f.shown_ago = milliseconds(550);
     },
     Blame::unknown, PeerLife::answers},
    {"a local file", [](CaseFile& f) { f = {}, f.stalled = seconds(3), f.transport = "file"; }, Blame::backend,
     PeerLife::no_peer},
    {"a directory of the kernel's",
     [](CaseFile& f) { f = {}, f.transport = "dir", f.stuck_in = "the kernel has been in fchown for 3.0 s"; },
     Blame::unknown, PeerLife::unknown},

    {"slow, but moving",
     [](CaseFile& f) {
       f.transport = "nbd", f.ping_works = false;
       f.last.bytes_received += 100'000;
     },
     Blame::unknown, PeerLife::answers},
    {"looked at too late", [](CaseFile& f) { f.last = f.began, f.looked_for = Duration(0), f.stalled = milliseconds(100); },
     Blame::unknown, PeerLife::unknown},
};

TEST(Blame, EachStoryIsBlamedOnWhoIsAtFault) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.story);
    CaseFile file = a_stall();
    row.happened(file);
    const BlameJudgement judgement = judge_blame(file);
    EXPECT_STREQ(to_string(judgement.blame), to_string(row.blame));
    EXPECT_STREQ(to_string(judgement.life), to_string(row.life));
    std::string words;
    for (const std::string& sentence : judgement.because) words += sentence + "\n";
    EXPECT_NE(words.find("busy or dead: "), std::string::npos) << "it is always answered; said was:\n" << words;
    EXPECT_TRUE(judgement.blame != Blame::unknown || !judgement.would_tell_more.empty()) << words;
  }
}

TEST(Blame, NoEvidenceAtAllIsUnknownAndSaysSo) {
  const BlameJudgement judgement = judge_blame(CaseFile{});
  EXPECT_EQ(judgement.blame, Blame::unknown);
  EXPECT_FALSE(judgement.because.empty());
}

TEST(Blame, CountersThatMovedAreTold) {
  CaseFile file = a_stall();
  file.counters = {"eth0 rx_crc_errors +17"};
  const BlameJudgement judgement = judge_blame(file);
  EXPECT_TRUE(std::any_of(judgement.because.begin(), judgement.because.end(), [](const std::string& sentence) {
    return sentence.find("rx_crc_errors +17") != std::string::npos;
  }));
}

}  // namespace
}  // namespace holdfast::initiator
