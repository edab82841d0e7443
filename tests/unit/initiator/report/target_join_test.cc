// Both ends' view of the same commands, fed by hand: which way time was lost, how sure the clocks are, and
// whose dump it is.

#include "initiator/report/target_join.h"

#include <gtest/gtest.h>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

using namespace std::chrono_literals;

const SessionIdentity session{"iqn.2026-11.example:host", "00023d000001", 7};

/// A run that began when its own clock was at 1000 s and the target's at 500 s. It stalled from its second 10
/// to 13: the operation with ITT 42 had gone out at 10.001 s.
struct Case {
  RunView run;
  TargetDump dump;

  Case() {
    run.sessions = {session};
    run.started = Instant(1000s);
    run.time = 20s;
    run.started_unix_ns = Duration(1'800'000'000s).count();
    PathEvent event;
    event.kind = EventKind::stall;
    event.at = 10s;
    event.lasted = 3s;
    run.events.push_back(event);
    run.overdue.push_back({{.itt = 42, .cdb = "2a00", .sent = 10'001ms, .seen = 12'900ms}});

    dump.version = "0.1.0";
    dump.host = "storage";
    dump.limit = 1s;
    dump.began = Instant(400s);
    dump.taken = Instant(530s);
    dump.taken_unix_ns = Duration(1'800'000'030s).count();
    TargetConnection connection;
    connection.session = session;
    connection.session_began = Instant(499s);
    connection.heard = Instant(520s);
    connection.rounds = {{.sent = Instant(1009s), .came = Instant(509s + 100us), .answered = Instant(1009s + 200us)},
                         {.sent = Instant(1014s), .came = Instant(514s), .answered = Instant(1014s + 900ms)}};
    dump.connections.push_back(connection);
  }

  /// The command as the target had it; its times in seconds of the run.
  TargetCommand& command(Duration received) {
    TargetCommand one;
    one.session = session;
    one.itt = 42;
    one.cdb = "2a000000100000000800000000000000";
    one.command = "WRITE(10)";
    one.stage = "over";
    one.received = at(received);
    one.until = at(13s);
    dump.commands.push_back(one);
    return dump.commands.back();
  }
  /// Quick from then on.
  void finish(TargetCommand& one, Duration when) {
    one.in_hand = one.store_started = at(when);
    one.store_done = one.sent = at(when + 1ms);
  }
  static Instant at(Duration in_run) { return Instant(500s) + in_run; }

  TargetJoin joined() {
    const Result<TargetJoin> join = join_with_target(run, dump);
    EXPECT_TRUE(join.ok()) << (join ? "" : join.error().message);
    return *join;
  }
  std::string blame() { return joined().events.at(0).blame; }
};

TEST(TargetJoin, ACommandThatCameLateWasLostOnItsWayOut) {
  Case one;
  one.finish(one.command(12'990ms), 12'990ms);
  const TargetJoin join = one.joined();
  EXPECT_EQ(join.events.at(0).blame, "network_out");
  ASSERT_EQ(join.events[0].operations.size(), 1u);
  const JoinedOperation& operation = join.events[0].operations[0];
  EXPECT_TRUE(operation.known_to_target);
  EXPECT_EQ(operation.words, "WRITE(10), ITT 0000002ah");
  ASSERT_GE(operation.steps.size(), 4u);
  EXPECT_EQ(operation.steps.front().what, "sent");
  EXPECT_FALSE(operation.steps.front().at_target);
  EXPECT_NEAR(seconds_of(operation.steps.back().at), 12.991, 0.001);
}

TEST(TargetJoin, AnAnswerThatLeftInTimeWasLostOnItsWayBack) {
  Case one;
  TargetCommand& command = one.command(10'001ms);
  one.finish(command, 10'002ms);
  command.acknowledged = Case::at(12'950ms);
  EXPECT_EQ(one.blame(), "network_in");
}

TEST(TargetJoin, AnUnacknowledgedAnswerIsLostOnItsWayBack) {
  Case one;
  TargetCommand& command = one.command(10'001ms);
  one.finish(command, 10'002ms);
  command.stage = "unacknowledged";
  command.stuck = true;
  EXPECT_EQ(one.blame(), "network_in");
}

TEST(TargetJoin, TheStoreIsTheBackend) {
  Case one;
  TargetCommand& command = one.command(10'001ms);
  command.in_hand = command.store_started = Case::at(10'002ms);
  command.store_done = command.sent = Case::at(12'990ms);
  EXPECT_EQ(one.blame(), "backend");
  command.store_done = command.sent = std::nullopt;
  command.stage = "store";
  command.stuck = true;
  EXPECT_EQ(one.blame(), "backend") << "also while it is stuck there";
}

TEST(TargetJoin, ATargetThatDidNotRunIsNoSlowStore) {
  Case one;
  TargetCommand& command = one.command(10'001ms);
  command.in_hand = command.store_started = Case::at(10'002ms);
  command.store_done = command.sent = Case::at(12'990ms);
  one.dump.pauses.push_back({Case::at(10'100ms), Case::at(12'980ms)});
  EXPECT_EQ(one.blame(), "peer_process");
}

TEST(TargetJoin, DataThatTheTargetAskedForAndDidNotGet) {
  Case one;
  TargetCommand& command = one.command(10'001ms);
  command.data_out_wanted = 4096;
  command.r2ts_sent = command.r2ts_open = 1;
  command.stage = "data";
  command.stuck = true;
  command.socket.known = true;
  EXPECT_EQ(one.blame(), "network_out") << "its R2T was acknowledged";
  command.socket.out_queue = 48;
  command.socket.backoff = 3;
  EXPECT_EQ(one.blame(), "network_in") << "its R2T was not";
  command.stage = "memory";
  EXPECT_EQ(one.blame(), "peer_process");
}

TEST(TargetJoin, AnAnswerThatWeDidNotReadIsOurs) {
  Case one;
  TargetCommand& command = one.command(10'001ms);
  command.in_hand = command.store_started = command.store_done = Case::at(10'002ms);
  command.stage = "sending";
  command.stuck = true;
  command.socket.known = true;
  command.socket.out_queue = 1'000'000;
  EXPECT_EQ(one.blame(), "local");
  command.socket.send_window = 65'536;
  EXPECT_EQ(one.blame(), "network_in");
}

TEST(TargetJoin, SilenceInWhichItWasSentSettlesWhatTheTargetNeverSaw) {
  Case one;
  one.dump.connections[0].silences.push_back({Case::at(9'990ms), Case::at(13s), 0});
  EXPECT_EQ(one.blame(), "network_out");
  one.dump.connections[0].silences.clear();
  EXPECT_EQ(one.blame(), "unknown") << "it heard from us all the time";
  one.dump.connections[0].heard = Case::at(10s);
  EXPECT_EQ(one.blame(), "network_out") << "it lasts still";
}

TEST(TargetJoin, OtherAnswersThatWereNotAcknowledgedSettleIt) {
  Case one;
  TargetCommand& other = one.command(9'999ms);
  other.itt = 41;
  one.finish(other, 10s);
  other.acknowledged = Case::at(13s);
  EXPECT_EQ(one.blame(), "network_in");
}

TEST(TargetJoin, AcknowledgementsAreLostOnTheWayOutToo) {
  // What was answered before the link was cut stays unacknowledged, and yet it is the other way that is cut.
  Case one;
  TargetCommand& other = one.command(9'999ms);
  other.itt = 41;
  one.finish(other, 10s);
  other.acknowledged = Case::at(13s);
  one.dump.connections[0].silences.push_back({Case::at(10s), Case::at(13s), 0});
  EXPECT_EQ(one.blame(), "network_out");
  one.run.overdue[0].clear();
  EXPECT_EQ(one.blame(), "network") << "which operation was overdue is not known";
}

TEST(TargetJoin, ATagThatCameAgainIsAnotherCommand) {
  Case one;
  one.finish(one.command(2s), 2s);
  one.dump.commands.back().until = Case::at(4s);
  EXPECT_FALSE(one.joined().events.at(0).operations.at(0).known_to_target);
  TargetCommand& read = one.command(10'001ms);
  read.cdb = "28000000100000000800000000000000";
  EXPECT_FALSE(one.joined().events.at(0).operations.at(0).known_to_target) << "a READ is no WRITE";
}

TEST(TargetJoin, TheClocksAreAsSureAsTheShortestPing) {
  Case one;
  const TargetJoin join = one.joined();
  EXPECT_EQ(join.clock.basis, ClockBasis::pings);
  EXPECT_EQ(join.clock.rounds, 2u);
  EXPECT_GE(join.clock.uncertainty, 100us);
  EXPECT_LE(join.clock.uncertainty, 1ms);
  EXPECT_NEAR(seconds_of(join.clock.run_started), 500, 0.001);
}

TEST(TargetJoin, DirectionsThatTheClocksCannotTellAreNotTold) {
  Case one;
  one.dump.connections[0].rounds = {{Instant(1007s), Instant(509s), Instant(1011s)}};  // to 2 s
  one.finish(one.command(12'990ms), 12'990ms);
  EXPECT_EQ(one.blame(), "network");
  one.dump.connections[0].rounds.clear();
  EXPECT_EQ(one.blame(), "network") << "by wall clocks alone";
  EXPECT_EQ(one.joined().clock.basis, ClockBasis::wall_clocks);
  EXPECT_NE(one.joined().clock_words.find("cannot be settled"), std::string::npos);
  // What does not hang on the clocks is told all the same.
  one.dump.commands[0].acknowledged = Case::at(13s);
  one.dump.commands[0].received = Case::at(10'001ms);
  one.finish(one.dump.commands[0], 10'001ms);
  one.dump.commands[0].in_hand = one.dump.commands[0].store_started = Case::at(10'001ms);
  one.dump.commands[0].store_done = Case::at(12'990ms);
  one.dump.commands[0].sent = Case::at(12'990ms);
  EXPECT_EQ(one.blame(), "backend");
}

TEST(TargetJoin, OneMachineHasOneClock) {
  Case one;
  one.run.boot_id = one.dump.boot_id = "x";
  one.run.started = Instant(500s);
  one.finish(one.command(12'990ms), 12'990ms);
  EXPECT_EQ(one.blame(), "network_out");
  EXPECT_EQ(one.joined().clock.basis, ClockBasis::one_machine);
}

TEST(TargetJoin, WithoutTheInitiatorsTagsTheTargetsSlowCommandsSpeak) {
  Case one;
  one.run.overdue[0].clear();
  TargetCommand& command = one.command(10'001ms);
  command.in_hand = command.store_started = Case::at(10'002ms);
  command.store_done = command.sent = Case::at(12'990ms);
  EXPECT_EQ(one.blame(), "backend");
}

TEST(TargetJoin, ADumpOfAnotherRunIsRefused) {
  const auto why = [](const Case& one) {
    const Result<TargetJoin> join = join_with_target(one.run, one.dump);
    return join ? std::string("it is joined") : join.error().message;
  };
  Case other_session;
  other_session.dump.connections[0].session.tsih = 8;
  EXPECT_NE(why(other_session).find("knows no session of iqn.2026-11.example:host with ISID 00023d000001 and TSIH 7"),
            std::string::npos)
      << why(other_session);
  Case other_time;  // The same name, ISID and TSIH, an hour before, as its pings say.
  other_time.dump.connections[0].session_began = Instant(499s) - 1h;
  EXPECT_NE(why(other_time).find("1 h 0 min before the run did"), std::string::npos) << why(other_time);
  Case by_wall_clocks;
  by_wall_clocks.dump.connections[0].rounds.clear();
  by_wall_clocks.dump.taken_unix_ns += Duration(1h).count();
  EXPECT_NE(why(by_wall_clocks).find("the run did"), std::string::npos) << why(by_wall_clocks);
  Case no_session;
  no_session.run.sessions.clear();
  EXPECT_NE(why(no_session).find("does not say which session"), std::string::npos);
}

TEST(TargetJoin, EverySessionOfTheRunIsItsOwn) {
  Case one;
  one.run.sessions.insert(one.run.sessions.begin(), {session.initiator, "00023d000002", 6});
  one.finish(one.command(12'990ms), 12'990ms);
  EXPECT_EQ(one.blame(), "network_out");
}

TEST(TargetJoin, ThePageAndTheTextTellIt) {
  Case one;
  one.finish(one.command(12'990ms), 12'990ms);
  one.dump.host = "<b>storage</b>";
  const TargetJoin join = one.joined();
  const std::string text = to_text(join, one.run);
  EXPECT_NE(text.find("stall of 3.00 s: network_out (the initiator alone said unknown)"), std::string::npos) << text;
  EXPECT_NE(text.find("target     received"), std::string::npos) << text;
  const std::string html = target_section(join, one.run);
  EXPECT_EQ(html.find("<b>"), std::string::npos);
  EXPECT_NE(html.find("network_out"), std::string::npos);
}

TEST(RunView, TheOperationsThatWaitedLongestAreThoseOfTheSamples) {
  const Result<RunView> run = run_view_from_json(R"({
    "schema": "holdfast.run/1",
    "workload": {"started": "2026-11-22T12:00:00Z", "started_ns": 5000000000},
    "machine": {"boot_id": "b"},
    "destination": {"negotiated": {"InitiatorName": "iqn.2026-11.example:host", "ISID": "00023d000001", "TSIH": "7"}},
    "totals": {"seconds": 20},
    "events": [{"kind": "stall", "at_s": 10, "lasted_s": 3, "blame": "network", "samples": [
      {"at_s": 9.5, "oldest_tag": 40, "oldest_age_s": 0.001, "oldest_cdb": "2800"},
      {"at_s": 10.5, "oldest_tag": 42, "oldest_age_s": 0.499, "oldest_cdb": "2a00"},
      {"at_s": 12.5, "oldest_tag": 42, "oldest_age_s": 2.499, "oldest_cdb": "2a00"},
      {"at_s": 13.5}]}, {"kind": "local_pause", "at_s": 15, "lasted_s": 1}]})");
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(run->sessions, std::vector{session});
  EXPECT_EQ(run->started, Instant(5s));
  EXPECT_EQ(run->started_unix_ns, 1'795'348'800'000'000'000);
  ASSERT_EQ(run->overdue.size(), 2u);
  ASSERT_EQ(run->overdue[0].size(), 1u);
  EXPECT_EQ(run->overdue[0][0].itt, 42u);
  EXPECT_NEAR(seconds_of(run->overdue[0][0].sent), 10.001, 1e-6);
  EXPECT_NEAR(seconds_of(run->overdue[0][0].seen), 12.5, 1e-6);
  EXPECT_TRUE(run->overdue[1].empty());
  EXPECT_FALSE(run_view_from_json("{}").ok());
  const Result<RunView> older = run_view_from_json(R"({"schema": "holdfast.run/1", "events": []})");
  ASSERT_TRUE(older.ok());
  EXPECT_TRUE(older->sessions.empty());
  const Result<RunView> several = run_view_from_json(R"({"schema": "holdfast.run/1", "events": [], "destination": {
    "negotiated": {"InitiatorName": "iqn.2026-11.example:host", "ISID": "00023d000001", "TSIH": "9"},
    "sessions": [{"InitiatorName": "iqn.2026-11.example:host", "ISID": "00023d000001", "TSIH": 7},
                 {"InitiatorName": "iqn.2026-11.example:host", "ISID": "00023d000001", "TSIH": 9}]}})");
  ASSERT_TRUE(several.ok());
  ASSERT_EQ(several->sessions.size(), 2u);
  EXPECT_EQ(several->sessions.front(), session);
}

TEST(TargetDump, WhatIsNoneIsRefusedWithItsReason) {
  for (const char* text : {"", "[]", "{}", R"({"schema":"holdfast.run/1"})",
                           R"({"schema":"holdfast.slow/1","commands":{}})",
                           R"({"schema":"holdfast.slow/1","commands":[{"times":{"received_ns":-5}}]})",
                           R"({"schema":"holdfast.slow/1","taken":{"monotonic_ns":9223372036854775807}})"}) {
    const Result<TargetDump> dump = target_dump_from_json(text);
    ASSERT_FALSE(dump.ok()) << text;
    EXPECT_NE(dump.error().message.find("this is not what `holdfastadm slow --json` prints: "), std::string::npos);
  }
  EXPECT_TRUE(target_dump_from_json(R"({"schema":"holdfast.slow/1"})").ok());
}

}  // namespace
}  // namespace holdfast::initiator
