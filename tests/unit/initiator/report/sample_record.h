#pragma once

#include "initiator/report/run_record.h"

namespace holdfast::initiator {

/// A record in which no field has its default.
inline RunRecord sample_record() {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  RunRecord record;
  record.verdict = Verdict::stalled;
  record.workload = {.kind = "copy",
                     .source = "/usr/include",
                     .verify = true,
                     .started = "2026-11-22T10:20:30Z",
                     .version = "0.1.0",
                     .stall_limit = seconds(1),
                     .hang_limit = seconds(10),
                     .outcome = Outcome::failed,
                     .reason = "no space left",
                     .signal = 15,
                     .problems = 2,
                     .problem_list = {{"locked", "Permission denied"}},
                     .mismatches = 1,
                     .mismatch_list = {{"file", "differs at byte 7"}}};
  record.machine = {.kernel = "6.18.5", .cpu_model = "a processor", .cores = 2, .memory_bytes = 4'294'967'296};
  record.command_line = {"holdfast", "copy", "/usr/include", "iscsi://127.0.0.1:3260/iqn.x:y/1"};
  record.destination = {.url = "iscsi://127.0.0.1:3260/iqn.x:y/1",
                        .transport = "iscsi",
                        .bytes = 1 << 30,
                        .negotiated = {{"MaxBurstLength", "262144"}, {"vendor", "IET"}},
                        .sessions = {{"iqn.2026-11.example:host", "00023d000001", 7}},
                        .sessions_left_out = 3};
  record.totals = {.files = 12'345,
                   .directories = 67,
                   .others = 8,
                   .links = 9,
                   .bytes = 123'456'789,
                   .time = seconds(5),
                   .copy_time = seconds(3),
                   .verify_time = seconds(2),
                   .verified_bytes = 123,
                   .operations = 456,
                   .errors = 7,
                   .wire = {.requests = 500, .bytes_sent = 1 << 20, .bytes_received = 4096},
                   .verify_wire = {.requests = 50, .bytes_sent = 2048, .bytes_received = 1 << 19},
                   .worst_gap = milliseconds(3021),
                   .worst_lateness = milliseconds(2),
                   .events = {1, 1, 0, 0, 0, 1},
                   .events_dropped = 3};
  record.left_out = {{"extended attributes", "the protocol has none", 3}};
  record.generator = {.time = seconds(2), .loop_time = milliseconds(4600)};
  record.latency = {100, microseconds(1), microseconds(2), microseconds(3), microseconds(4), microseconds(5), seconds(3),
                    {{0, microseconds(1)}, {90, microseconds(3)}, {100, seconds(3)}}};
  record.latency_by_operation[1] = record.latency;
  TimelineRow row;
  row.at = seconds(1);
  row.operations = 2;
  row.errors = 3;
  row.bytes_read = 4;
  row.bytes_written = 5;
  row.in_flight = 6;
  row.length = milliseconds(20);
  row.latency_p50 = milliseconds(2);
  row.latency_p99 = milliseconds(6);
  row.latency_max = milliseconds(7);
  row.readers = {.operations = 10, .p50 = microseconds(11), .p99 = microseconds(12), .max = microseconds(13)};
  row.locks = {.operations = 14, .p50 = microseconds(15), .p99 = microseconds(16), .max = microseconds(17)};
  row.gap_max = milliseconds(8);
  row.loop_late = microseconds(9);
  record.timeline = {row};
  PathEvent stall;
  stall.kind = EventKind::stall;
  stall.at = milliseconds(1234);
  stall.lasted = milliseconds(3021);
  stall.open = true;
  stall.has_operation = true;
  stall.operation = {OperationKind::write, 8192, 262'144, "lib/libc.so", milliseconds(3025)};
  stall.loop_late = milliseconds(4);
  stall.blame = "unknown";
  stall.evidence = "words";
  stall.peer = "kernel_only";
  stall.more = "its log";
  PathSample look;
  look.at = milliseconds(2500);
  look.connection = 1;
  look.tcp.known = true;
  look.tcp.backoff = 2;
  look.tcp.unacked = 3;
  look.tcp.bytes_acked = 1'000'000'000'000;
  look.owed = 4;
  look.waiting = 5;
  look.window_closed = true;
  look.oldest_tag = 6;
  look.oldest_age = milliseconds(1200);
  look.oldest_cdb = {0x8a, 0x00};
  look.cmd_sn = 7;
  look.exp_cmd_sn = 8;
  look.max_cmd_sn = 9;
  look.stat_sn = 10;
  look.r2ts = 11;
  look.data_out_bytes = 12;
  look.ping_open = milliseconds(900);
  look.loop_late = milliseconds(12);
  stall.samples = {look};
  stall.in_flight = {stall.operation, {OperationKind::flush, 0, 0, "", milliseconds(5)}};
  PathEvent mismatch;
  mismatch.kind = EventKind::mismatch;
  mismatch.at = seconds(4);
  mismatch.operation.file = "file";
  mismatch.evidence = "differs at byte 7";
  record.events = {stall, mismatch};
  return record;
}

}  // namespace holdfast::initiator
