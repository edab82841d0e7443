#include "initiator/watch/blame.h"

#include <fmt/format.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

// A kernel acknowledges within a few hundred milliseconds at worst; what is longer is loss.
constexpr Duration acknowledged_within = milliseconds(500);
// A process that runs answers what needs no storage within so long.
constexpr Duration process_answers_within = milliseconds(300);
// A SYN that is lost is sent again after a second.
constexpr Duration connects_within = milliseconds(900);
// A process that showed itself so long ago may have been stopped since: it is asked several times meanwhile.
constexpr Duration still_shown_for = milliseconds(700);
// What was answered at first and then no more is no process that is a little slow, after so long.
constexpr Duration answers_no_more_after = std::chrono::seconds(1);
// The peer gives a connection up on which we did not answer.
constexpr Duration too_late_for_a_peer = std::chrono::seconds(3);

std::string time_text(Duration time) {
  return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1e9);
}

std::string errno_text(int code) { return std::generic_category().message(code); }

bool is_closed_state(std::uint8_t state) { return state != TCP_ESTABLISHED && state != 0; }

/// The evidence of the connection, put as the questions that the decision asks.
class Findings {
 public:
  explicit Findings(const CaseFile& file) : file_(file), last_(file.last), began_(file.began) {}

  std::uint32_t segments_in() const { return last_.segments_in - began_.segments_in; }
  std::uint32_t data_segments_in() const { return last_.data_segments_in - began_.data_segments_in; }
  std::uint64_t bytes_in() const { return last_.bytes_received - began_.bytes_received; }
  std::uint64_t bytes_acked() const { return last_.bytes_acked - began_.bytes_acked; }
  std::uint32_t sent_again() const { return last_.segments_sent_again - began_.segments_sent_again; }
  std::uint32_t out_of_order() const { return last_.out_of_order_in - began_.out_of_order_in; }

  bool has_tcp() const { return file_.connected && last_.known; }
  /// What we sent is not acknowledged although it was sent again.
  bool unacknowledged() const {
    if (!has_tcp() || last_.unacked == 0) return false;
    if (last_.backoff >= 2 || last_.retransmits >= 2) return true;
    const bool silent = milliseconds(last_.last_ack_received_ms) >= acknowledged_within;
    return silent && (last_.retransmits >= 1 || sent_again() >= 1);
  }
  /// The peer's kernel takes nothing more, and we have more.
  bool window_shut() const {
    return has_tcp() && last_.out_queue_unsent > 0 && last_.send_window < last_.segment_bytes &&
           (last_.unacked == 0 || segments_in() > 0);
  }
  /// Its kernel acknowledged something of ours since the stall began.
  bool acknowledged() const {
    if (!has_tcp() || last_.unacked != 0) return false;
    return bytes_acked() > 0 || milliseconds(last_.last_ack_received_ms) < file_.looked_for;
  }
  bool echo_answers() const { return file_.echo.answered > 0; }
  bool knock_answers() const { return file_.knock.answered > 0; }
  bool pings() const { return file_.pings_answered > 0; }
  bool process_shown() const {
    return pings() || knock_answers() || echo_answers() || bytes_in() > 0 || file_.others_answered > 0;
  }
  /// Small packets pass both ways, on another way than the connection's.
  bool others_pass() const { return file_.knock.connected > 0 || knock_answers() || echo_answers(); }
  /// Asked, the process did not answer, although the question reached its machine.
  bool ping_ignored() const {
    return file_.ping_works && file_.ping_open && std::min(*file_.ping_open, file_.acked_for) >= process_answers_within;
  }
  /// A question that was asked and answered while the path held; one that came late may have waited for it to heal.
  bool pings_held() const {
    return file_.pings_answered >= 2 || (pings() && file_.ping_round_trip <= process_answers_within);
  }
  /// The first packet of a new connection had to be sent again.
  bool knock_was_lost() const { return file_.knock.connected > 0 && file_.knock.took >= connects_within; }
  /// An answer elsewhere says that the path holds; what it lost before that, the peer's TCP would have sent again
  /// by now, which takes it up to twice as long as the path was cut.
  bool knock_settles() const {
    return knock_answers() && !knock_was_lost() &&
           file_.stalled >= file_.knock.answered_after * 21 / 10 + milliseconds(500);
  }
  bool knock_ignored() const {
    const Duration enough = knock_answers() ? answers_no_more_after : process_answers_within;
    return file_.knock.works && file_.knock.waiting >= enough;
  }
  /// The connection served something in the stall, and not so long ago that it means nothing any more.
  bool serves() const {
    const bool served = pings() || bytes_in() > 0 || file_.others_answered > 0;
    return served && file_.served_ago < answers_no_more_after;
  }
  /// Long enough, at some time in the stall, to have been stopped, whatever it has done since.
  bool was_silent() const { return file_.silent_for >= answers_no_more_after; }
  /// It showed itself so lately, and so surely to every question, that it is known to run now.
  bool runs(bool by_ping) const {
    if (file_.shown_ago > still_shown_for || was_silent()) return false;
    const Duration open = by_ping ? file_.ping_open.value_or(Duration(0)) : file_.knock.waiting;
    return open < process_answers_within;
  }
  bool knock_lost() const {
    return file_.knock.connected == 0 && file_.knock.refused == 0 && file_.knock.connecting >= connects_within;
  }
  /// What was first sent in the silence, in bytes.
  std::uint64_t sent_in_silence() const { return once(last_) - once(began_); }

  /// It was acknowledged when the silence ended without all of it having been sent again: so it had arrived
  /// all the time, and only the acknowledgements were lost.
  bool had_arrived() const {
    if (!file_.over || !file_.after || segments_in() > 0 || sent_in_silence() == 0) return false;
    const TcpState& after = *file_.after;
    // What was sent a moment before the last look may have arrived by then.
    const std::uint64_t settled = 20 + 4 * std::uint64_t{last_.rtt_us} / 1000;
    if (last_.last_data_sent_ms < settled || after.bytes_acked < once(last_)) return false;
    return after.bytes_sent_again - last_.bytes_sent_again < sent_in_silence();
  }

 private:
  static std::uint64_t once(const TcpState& tcp) { return tcp.bytes_sent - tcp.bytes_sent_again; }

  const CaseFile& file_;
  const TcpState& last_;
  const TcpState& began_;
};

class Judge {
 public:
  explicit Judge(const CaseFile& file) : file_(file), found_(file) {}

  BlameJudgement judge() {
    if (!file_.stuck_in.empty()) say(file_.stuck_in);
    tell_of_ourselves();
    decide();
    judgement_.life = life();
    say(busy_or_dead());
    for (const std::string& counter : file_.counters) say("moved meanwhile: " + counter);
    return std::move(judgement_);
  }

 private:
  void say(std::string sentence) { judgement_.because.push_back(std::move(sentence)); }
  void more(std::string sentence) { judgement_.would_tell_more.push_back(std::move(sentence)); }
  void blame(Blame blame) { judgement_.blame = blame; }

  void tell_of_ourselves();
  bool is_our_own_fault();
  bool is_closed();
  bool is_window();
  bool is_network();
  void refine_network();
  bool is_unreachable();
  bool is_protocol_window();
  bool is_process();
  bool is_backend();
  void without_connection();
  void decide();
  PeerLife life() const;
  std::string busy_or_dead() const;

  const CaseFile& file_;
  const Findings found_;
  BlameJudgement judgement_;
};

void Judge::decide() {
  if (is_our_own_fault() || is_closed()) return;
  if (!found_.has_tcp()) return without_connection();
  if (is_window() || is_network() || is_unreachable() || is_protocol_window() || is_process() || is_backend()) return;
  if (found_.bytes_in() > 0 || found_.bytes_acked() > 0)
    say(fmt::format("data still moves: {} bytes came in and {} were acknowledged, so it is slow and not stuck",
                    found_.bytes_in(), found_.bytes_acked()));
  say("what was seen does not settle it");
  if (file_.looked_for < milliseconds(500)) more("a longer stall: it was looked at for too short a time");
  if (file_.owed == 0) say("the connection owes no answer");
  if (!file_.ping_works && !file_.knock.works)
    more("a server that answers a second connection: this one was not seen to, so its silence there says nothing");
  more("the server's own view of this connection (holdfastd: report --target)");
}

void Judge::tell_of_ourselves() {
  if (file_.loop_late >= milliseconds(100)) say("our own loop was late by " + time_text(file_.loop_late));
  if (file_.cpu_waited >= milliseconds(100))
    say("our own thread waited " + time_text(file_.cpu_waited) + " for a processor");
  if (file_.cpu_stolen >= milliseconds(100))
    say("the hypervisor took " + time_text(file_.cpu_stolen) + " of each processor");
}

bool Judge::is_our_own_fault() {
  // The stall's length is already less what we were late. What the kernel saw, it saw whether we ran or not.
  const bool kernel_saw = found_.unacknowledged() || found_.window_shut() || !file_.stuck_in.empty();
  const Duration most = kernel_saw ? 2 * file_.stalled : file_.stalled * 3 / 4;
  // Many short waits for a processor hold no answer up for long; those that do make the loop late.
  const Duration waited = std::min(file_.cpu_waited, 2 * file_.loop_late);
  const Duration ours = std::max({file_.loop_late, waited, file_.cpu_stolen});
  if (ours >= milliseconds(200) && ours >= most) {
    say("so we ourselves did not run for most of the time: nothing of it is held against the path");
    blame(Blame::local);
    return true;
  }
  const bool unread = found_.has_tcp() && file_.last.in_queue > 0 && file_.began.in_queue > 0 &&
                      file_.began.bytes_received == file_.last.bytes_received &&
                      file_.looked_for >= milliseconds(200);
  if (!unread) return false;
  say(fmt::format("{} bytes have arrived and were not read by us for {}", file_.last.in_queue,
                  time_text(file_.looked_for)));
  blame(Blame::local);
  return true;
}

bool Judge::is_closed() {
  const bool ended = file_.failed && file_.failure != ECANCELED;
  if (!ended && !(found_.has_tcp() && is_closed_state(file_.last.state))) return false;
  if (ended && (file_.failure == ETIMEDOUT || file_.failure == EHOSTUNREACH || file_.failure == ENETUNREACH)) {
    say("our kernel gave the connection up: " + errno_text(file_.failure));
    blame(Blame::network);
    return true;
  }
  if (ended && file_.failure == EPROTO) {
    say("the connection was given up because the peer's bytes made no sense");
    more("a digest on headers and data, which tells damage on the way from a fault of the peer");
    return true;
  }
  say("the connection was ended by the other side" + (ended ? ": " + errno_text(file_.failure) : std::string()));
  if (file_.late_before < too_late_for_a_peer) {
    blame(Blame::closed_by_peer);
    more("the peer's log at that time; a firewall in between can end connections too");
    return true;
  }
  say("before that we ourselves had not run for " + time_text(file_.late_before) +
      ", which is long enough for a peer to give up");
  blame(Blame::local);
  return true;
}

bool Judge::is_window() {
  if (!found_.window_shut()) return false;
  say(fmt::format("the peer's receive window is {} bytes and we have {} more to send: it does not read",
                  file_.last.send_window, file_.last.out_queue_unsent));
  if (found_.knock_ignored() && !found_.pings() && !found_.echo_answers() && found_.bytes_in() == 0) {
    say("nor does its process answer a new connection, which it did before");
    blame(Blame::peer_process);
    return true;
  }
  blame(Blame::window_closed);
  if (!found_.process_shown()) more("whether its process runs at all: a stopped one stops reading too");
  return true;
}

bool Judge::is_network() {
  if (!found_.unacknowledged()) return false;
  const TcpState& last = file_.last;
  say(fmt::format("{} segments of ours are not acknowledged, the oldest was sent {} times more, the next try is {} after the last",
                  last.unacked, last.retransmits, time_text(std::chrono::microseconds(last.rto_us))));
  blame(Blame::network);
  if (found_.bytes_acked() > 0 || found_.bytes_in() > 0) {
    say("some of what was sent still passes: the path loses packets");
    more("the same counters at the peer, which tell in which direction");
    return true;
  }
  refine_network();
  return true;
}

/// In which direction, if that is settled.
void Judge::refine_network() {
  if (found_.data_segments_in() > 0 && file_.tried_since_passing) {
    say(fmt::format("the peer meanwhile sent {} segments that we had already: they arrive, and our "
                    "acknowledgements do not",
                    found_.data_segments_in()));
    return blame(Blame::network_out);
  }
  if (found_.others_pass() && !found_.knock_was_lost() && file_.tried_since_passing) {
    say(file_.knock.connected > 0 ? "yet a new connection to the same port was taken, so small packets pass both ways"
                                  : "yet datagrams come back, so small packets pass both ways");
    say(fmt::format("what is lost are this connection's, of up to {} bytes: too large for the path, or filtered",
                    file_.last.segment_bytes));
    more("ping -M do -s SIZE to the peer finds the size that is lost");
    return blame(Blame::network_out);
  }
  say(found_.segments_in() == 0 ? "and nothing at all came in on the connection" : "and nothing new came in");
  if (file_.echo.received && file_.echo.works && file_.echo.sent >= 4 && *file_.echo.received * 4 >= file_.echo.sent * 3) {
    say(fmt::format("the peer received {} of our {} datagrams and none of its answers came: what it sends is lost",
                    *file_.echo.received, file_.echo.sent));
    return blame(Blame::network_in);
  }
  if (found_.had_arrived()) {
    say("when it was over, what we had sent in the silence was acknowledged without having been sent again: it had "
        "arrived, and what the peer sends was lost");
    return blame(Blame::network_in);
  }
  if (file_.knock.refused > 0) say("a new connection was refused at once, so somebody is there");
  else if (found_.knock_lost()) say("nor was a new connection taken");
  say("from here it cannot be told which direction is lost, or whether the peer's machine is gone");
  more("the peer's counters for this connection (report --target), or its echo port (?echo=PORT)");
}

/// Nothing of ours is unacknowledged because nothing of ours was sent; but a new connection is not taken either.
bool Judge::is_unreachable() {
  if (found_.pings() || found_.bytes_in() > 0 || file_.others_answered > 0 || found_.acknowledged()) return false;
  if (found_.knock_was_lost()) {
    say("nothing came in on the connection, and a new one was taken only after " + time_text(file_.knock.took) +
        ": its first packets were lost");
    blame(Blame::network);
    return true;
  }
  if (!found_.knock_lost() || found_.process_shown()) return false;
  if (found_.data_segments_in() > 0) {
    say("a new connection is not taken, and the peer sends again what we had already: our packets do not arrive");
    blame(Blame::network_out);
    return true;
  }
  say("nothing comes in on the connection, and a new one is not taken for " + time_text(file_.knock.connecting));
  blame(Blame::network);
  more("the peer's counters for this connection, which tell the direction");
  return true;
}

bool Judge::is_protocol_window() {
  if (!file_.window_closed || file_.owed > file_.waiting) return false;
  say(fmt::format("{} commands wait with us because the target's command window (MaxCmdSN) is closed, and it owes "
                  "no answer to any other",
                  file_.waiting));
  blame(Blame::window_closed);
  return true;
}

bool Judge::is_process() {
  if (found_.serves()) return false;
  const bool no_pong = found_.ping_ignored();
  if (!no_pong && !found_.knock_ignored()) return false;
  if (no_pong) {
    say(fmt::format("the peer's machine has acknowledged a NOP-Out, its process has not answered it for {}",
                    time_text(*file_.ping_open)));
  }
  if (found_.knock_ignored())
    say(fmt::format("its machine took a new connection, its process has not answered there for {}, as it did before",
                    time_text(file_.knock.waiting)));
  if (found_.process_shown() && file_.shown_ago >= answers_no_more_after)
    say("it had shown itself in the stall, but not for the last " + time_text(file_.shown_ago));
  else if (found_.knock_answers() || found_.echo_answers())
    say("it does answer elsewhere, so the process lives: what serves this connection is stuck");
  say("what needs no storage is not answered, so it is not the storage alone");
  blame(Blame::peer_process);
  more("what the process does: its state, its stack and its log on the peer's machine");
  return true;
}

bool Judge::is_backend() {
  if (file_.owed == 0) return false;
  // Where a question that needs no storage can be asked, it has to have been answered on this connection.
  const bool asks = file_.transport == "iscsi" && file_.ping_works;
  // What ran at the beginning may have been stopped since, and then it is not the storage that is missed.
  if (!found_.runs(asks)) {
    if (found_.process_shown() && found_.was_silent())
      say("its process did not show itself for " + time_text(file_.silent_for) + " of the time");
    else if (found_.process_shown())
      say(fmt::format("its process showed itself {} before the last look, and a question since is not answered, or was "
                      "not asked",
                      time_text(file_.shown_ago)));
    return false;
  }
  if (file_.others_answered > 0)
    say(fmt::format("the peer answered {} other requests meanwhile, and the oldest not", file_.others_answered));
  else if (found_.pings_held())
    say(fmt::format("the peer's process answered {} NOP-Out meanwhile, and the request not", file_.pings_answered));
  else if (found_.knock_settles() && !asks)
    say("the peer's process answered a new connection meanwhile, and the request not");
  else if (found_.echo_answers() && !asks)
    say("the peer's process sent our datagrams back meanwhile, and did not answer the request");
  else
    return false;
  blame(Blame::backend);
  more("the server's list of slow commands (holdfastd: holdfastadm slow), and its disks");
  return true;
}

void Judge::without_connection() {
  if (file_.transport == "file") {
    say("the storage is this machine's own");
    blame(Blame::backend);
    more("the kernel's log, and the state of the disk below");
    return;
  }
  if (file_.transport == "dir") {
    say("the kernel does not tell what it waits for below the mount");
    more("the kernel's log and, on a network mount, its counters (nfsstat, /proc/self/mountstats)");
    return;
  }
  say("there is no connection whose state could be asked for");
  more("a transport with sockets of its own");
}

PeerLife Judge::life() const {
  if (file_.transport == "file" && !file_.connected) return PeerLife::no_peer;
  if (!file_.connected) return PeerLife::unknown;
  if ((file_.failed && file_.failure != ECANCELED && file_.failure != ETIMEDOUT) || is_closed_state(file_.last.state))
    return PeerLife::closed;
  if (found_.process_shown() && file_.shown_ago < answers_no_more_after) return PeerLife::answers;
  if (!found_.has_tcp()) return PeerLife::unknown;
  if (found_.acknowledged() || found_.window_shut() || file_.knock.connected > 0 || file_.knock.refused > 0 ||
      found_.segments_in() > 0 || found_.process_shown())
    return PeerLife::kernel_only;
  if (found_.unacknowledged() || found_.knock_lost()) return PeerLife::silent;
  return PeerLife::unknown;
}

std::string Judge::busy_or_dead() const {
  switch (judgement_.life) {
    case PeerLife::answers: return "busy or dead: busy, its process answers";
    case PeerLife::kernel_only: return "busy or dead: its machine is up, its process has not shown itself";
    case PeerLife::silent: return "busy or dead: dead or cut off, nothing came from it";
    case PeerLife::closed: return "busy or dead: gone, the connection is closed";
    case PeerLife::no_peer: return "busy or dead: there is no peer, only this machine";
    case PeerLife::unknown: break;
  }
  return "busy or dead: not known, nothing was due that would show it";
}

}  // namespace

BlameJudgement judge_blame(const CaseFile& file) { return Judge(file).judge(); }

}  // namespace holdfast::initiator
