#include "initiator/watch/case_file.h"

#include <algorithm>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

// What was under way when the stall began has come in by then.
constexpr Duration settled_after = milliseconds(100);
constexpr Duration look_back = std::chrono::seconds(30);
constexpr Duration shown_before = std::chrono::seconds(2);

/// The samples that a case is drawn from.
struct Looks {
  const EvidenceSample* before = nullptr;  // the last one before the stall
  const EvidenceSample* began = nullptr;   // the first one in it
  const EvidenceSample* last = nullptr;    // the last one in it
  const EvidenceSample* after = nullptr;   // the first one when it was over
};

Looks looks_at(std::span<const EvidenceSample> samples, const StallFrame& frame) {
  Looks looks;
  for (const EvidenceSample& sample : samples) {
    if (sample.at <= frame.began) {
      looks.before = &sample;
    } else if (frame.ended && sample.at >= *frame.ended) {
      if (looks.after == nullptr) looks.after = &sample;
    } else if (!frame.until || sample.at <= *frame.until) {
      if (looks.began == nullptr && sample.at >= frame.began + settled_after) looks.began = &sample;
      looks.last = &sample;
    }
  }
  if (looks.last == nullptr && !samples.empty()) looks.last = looks.before != nullptr ? looks.before : looks.after;
  if (looks.began == nullptr) looks.began = looks.last;
  if (looks.before == nullptr) looks.before = looks.began;
  return looks;
}

/// The one that owes the oldest answer; where none owes any, one that has failed, or the first.
const ConnectionEvidence* in_question(const EvidenceSample& sample) {
  const ConnectionEvidence* found = nullptr;
  for (std::size_t i = 0; i < sample.connection_count; ++i) {
    const ConnectionEvidence& one = sample.connections[i];
    if (found == nullptr) found = &one;
    const bool older = one.oldest && (!found->oldest || one.oldest->sent < found->oldest->sent);
    const bool ended = one.failed && !found->failed && !found->oldest;
    if (older || ended) found = &one;
  }
  return found;
}

const ConnectionEvidence* same_in(const EvidenceSample* sample, std::uint32_t id) {
  if (sample == nullptr) return nullptr;
  const auto* const end = sample->connections.data() + sample->connection_count;
  const auto* const found = std::find_if(sample->connections.data(), end,
                                         [id](const ConnectionEvidence& one) { return one.id == id; });
  return found == end ? nullptr : found;
}

void take_connection(CaseFile& file, const Looks& looks) {
  const ConnectionEvidence* last = in_question(*looks.last);
  if (last == nullptr) return;
  const ConnectionEvidence* began = same_in(looks.began, last->id);
  if (began == nullptr) began = last;
  file.connected = true;
  file.failed = last->failed;
  file.failure = last->failure;
  file.began = began->tcp;
  file.last = last->tcp;
  if (const ConnectionEvidence* after = same_in(looks.after, last->id)) file.after = after->tcp;
  file.owed = last->owed;
  file.waiting = last->waiting;
  file.window_closed = last->window_closed;
  file.ping_works = last->ping.answered > 0;
  file.ping_round_trip = last->ping.round_trip;
  file.pings_answered = last->ping.answered - began->ping.answered;
  if (last->ping.asked != last->ping.answered) file.ping_open = looks.last->at - last->ping.last_asked;
}

/// What shows in the course of the stall only, and not by its first and last look.
void take_course(CaseFile& file, const Looks& looks, Instant began) {
  const ConnectionEvidence* last = in_question(*looks.last);
  if (last == nullptr) return;
  Instant acked_since = looks.last->at;
  bool acked = true;
  std::optional<std::uint32_t> sent_again_when_passing;
  for (const EvidenceSample* sample = looks.last;; --sample) {
    const ConnectionEvidence* then = same_in(sample, last->id);
    if (then == nullptr) break;
    acked = acked && then->tcp.unacked == 0;
    if (acked) acked_since = sample->at;
    const bool passing = sample->knock.connected > looks.began->knock.connected ||
                         sample->echo.answered > looks.began->echo.answered ||
                         then->tcp.data_segments_in > file.began.data_segments_in;
    if (passing) sent_again_when_passing = then->tcp.segments_sent_again;
    if (sample->knock.answered > looks.began->knock.answered)
      file.knock.answered_after = std::min(sample->at, sample->knock.answered_at) - began;
    if (sample == looks.began) break;
  }
  file.acked_for = looks.last->at - acked_since;
  const std::uint64_t settled_ms = 20 + 4 * std::uint64_t{last->tcp.rtt_us} / 1000;
  file.tried_since_passing = sent_again_when_passing && last->tcp.segments_sent_again > *sent_again_when_passing &&
                             last->tcp.last_data_sent_ms >= settled_ms;
}

/// Whatever grows when the peer's process shows itself.
std::uint64_t signs_of_life(const EvidenceSample& sample) {
  std::uint64_t signs = sample.knock.answered + sample.echo.answered;
  for (std::size_t i = 0; i < sample.connection_count; ++i)
    signs += sample.connections[i].tcp.bytes_received + sample.connections[i].ping.answered;
  return signs;
}

/// Between two looks it may have shown itself at any time, so what is found is not less than it was.
Duration longest_silence(const Looks& looks) {
  Duration longest{};
  Instant shown = looks.began->at;
  for (const EvidenceSample* sample = looks.began; sample < looks.last; ++sample) {
    const EvidenceSample& next = *(sample + 1);
    longest = std::max(longest, Duration(next.at - shown));
    if (signs_of_life(next) != signs_of_life(*sample)) shown = next.at;
  }
  return longest;
}

/// When the peer's process showed itself last, if it did since the stall began.
void take_life(CaseFile& file, const Looks& looks) {
  const EvidenceSample& last = *looks.last;
  Instant served{};
  bool brought = false;
  for (std::size_t i = 0; i < last.connection_count; ++i) {
    const ConnectionEvidence& one = last.connections[i];
    const ConnectionEvidence* began = same_in(looks.began, one.id);
    if (began == nullptr) continue;
    if (one.tcp.bytes_received > began->tcp.bytes_received) {
      brought = true;
      served = std::max(served, last.at - milliseconds(one.tcp.last_data_received_ms));
    }
    if (one.ping.answered > began->ping.answered) served = std::max(served, one.ping.last_answered);
  }
  // Some operations end without a word from the peer: where nothing came in, none of them was answered by it.
  file.others_answered = brought ? last.operations - looks.began->operations : 0;
  Instant shown = served;
  if (file.knock.answered > 0) shown = std::max(shown, last.knock.answered_at);
  for (const EvidenceSample* sample = looks.last; sample > looks.began; --sample) {
    if (sample->echo.answered == (sample - 1)->echo.answered) continue;
    shown = std::max(shown, sample->at);
    break;
  }
  const auto ago = [&](Instant when) {
    return when == Instant{} ? file.looked_for : std::max(Duration(0), Duration(last.at - when));
  };
  file.served_ago = ago(served);
  file.shown_ago = ago(shown);
  file.silent_for = longest_silence(looks);
}

void take_knocks(CaseFile& file, const Looks& looks, Instant began) {
  const KnockCount& first = looks.began->knock;
  const KnockCount& last = looks.last->knock;
  file.knock.works = last.answered > 0;
  file.knock.tried = last.tried - first.tried;
  file.knock.connected = last.connected - first.connected;
  file.knock.answered = last.answered - first.answered;
  file.knock.refused = last.refused - first.refused;
  if (file.knock.connected > 0) file.knock.took = last.took;
  file.knock.connecting = std::min(last.connecting, looks.last->at - began);
  file.knock.waiting = std::min(last.waiting, looks.last->at - began);
}

void take_echoes(CaseFile& file, const Looks& looks, const EchoCount& latest, Instant began) {
  file.echo.works = looks.began->echo.answered > 0;
  file.echo.sent = looks.last->echo.sent - looks.began->echo.sent;
  file.echo.answered = looks.last->echo.answered - looks.began->echo.answered;
  if (latest.unanswered == 0 || latest.answered_again <= began) return;
  file.echo.sent = latest.unanswered;
  file.echo.received = latest.unanswered_received;
}

Duration worst_lateness(std::span<const EvidenceSample> samples, Instant before) {
  Duration worst{};
  for (std::size_t i = 1; i < samples.size(); ++i)
    if (samples[i].at >= before - look_back)
      worst = std::max(worst, samples[i].loop_late - samples[i - 1].loop_late);
  return worst;
}

PathSample row_of(const EvidenceSample& sample, Instant run_began) {
  PathSample row;
  row.at = sample.at - run_began;
  row.loop_late = sample.loop_late;
  const ConnectionEvidence* connection = in_question(sample);
  if (connection == nullptr) return row;
  const TcpState& tcp = connection->tcp;
  row.connection = connection->id;
  row.owed = connection->owed;
  row.waiting = connection->waiting;
  row.window_closed = connection->window_closed;
  if (connection->oldest) {
    row.oldest_tag = connection->oldest->tag;
    row.oldest_age = sample.at - connection->oldest->sent;
    row.oldest_cdb.assign(connection->oldest->cdb.begin(),
                          connection->oldest->cdb.begin() + connection->oldest->cdb_bytes);
  }
  if (connection->window) {
    row.cmd_sn = connection->window->cmd_sn;
    row.exp_cmd_sn = connection->window->exp_cmd_sn;
    row.max_cmd_sn = connection->window->max_cmd_sn;
  }
  row.stat_sn = connection->last_stat_sn.value_or(0);
  row.r2ts = connection->r2ts.value_or(0);
  row.data_out_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(connection->data_out_bytes.value_or(0), 0xffff'ffff));
  if (connection->ping.asked != connection->ping.answered) row.ping_open = sample.at - connection->ping.last_asked;
  row.tcp = tcp;
  return row;
}

}  // namespace

CaseFile case_of(std::span<const EvidenceSample> samples, const StallFrame& frame, const std::string& transport,
                 const HostCounters* counters) {
  CaseFile file;
  file.stalled = frame.stalled;
  file.over = frame.ended.has_value();
  file.transport = transport;
  if (samples.empty()) return file;
  const Looks looks = looks_at(samples, frame);
  file.looked_for = looks.last->at - looks.began->at;
  file.loop_late = looks.last->loop_late - looks.before->loop_late;
  file.cpu_waited = looks.last->host.cpu_waited - looks.began->host.cpu_waited;
  file.cpu_stolen = looks.last->host.cpu_stolen - looks.began->host.cpu_stolen;
  file.late_before = worst_lateness(samples, frame.began);
  take_connection(file, looks);
  take_knocks(file, looks, frame.began);
  take_life(file, looks);
  take_course(file, looks, frame.began);
  take_echoes(file, looks, samples.back().echo, frame.began);
  if (counters != nullptr) file.counters = counters->moved(looks.before->host, samples.back().host);
  return file;
}

std::vector<PathSample> rows_of(std::span<const EvidenceSample> samples, const StallFrame& frame, Instant run_began,
                                std::size_t rows_max) {
  const auto first = std::find_if(samples.begin(), samples.end(), [&frame](const EvidenceSample& one) {
    return one.at >= frame.began - shown_before;
  });
  const auto count = static_cast<std::size_t>(samples.end() - first);
  std::vector<PathSample> rows;
  const std::size_t shown = std::min(count, rows_max);
  for (std::size_t i = 0; i < shown; ++i) {
    // Evenly, and the last one always.
    const std::size_t index = shown == 1 ? count - 1 : i * (count - 1) / (shown - 1);
    rows.push_back(row_of(*(first + static_cast<std::ptrdiff_t>(index)), run_began));
  }
  return rows;
}

}  // namespace holdfast::initiator
