#include "tests/support/history/workload.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace holdfast::testing_support {
namespace {

constexpr std::uint8_t good_status = 0, check_condition = 2, reservation_conflict = 0x18;
constexpr std::uint8_t unit_attention = 6, miscompare = 0xe;
constexpr std::uint8_t write_exclusive_registrants_only = 5;
/// The first of each two words of a cell; the second one is the value.
constexpr std::uint64_t cell_mark = 0x686f6c6466617374;

std::uint64_t key_of(int host) { return static_cast<std::uint64_t>(host) + 1; }

void put_be(std::uint8_t* at, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * (bytes - 1 - i)));
}

std::uint8_t opcode_of(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::write:
      return 0x8a;
    case Event::Kind::write_atomic:
      return 0x9c;
    case Event::Kind::compare_and_write:
      return 0x89;
    default:
      return 0x88;
  }
}

}  // namespace

Workload::Workload(const WorkloadShape& shape)
    : shape_(shape),
      random_(shape.seed),
      guess_(shape.cells),
      kept_out_(static_cast<std::size_t>(shape.hosts)) {
}

Ask Workload::begin(Event event, Ask ask) {
  ask.ticket = ++tickets_;
  event.invoked = ++clock_;
  Pending pending{.event = std::move(event), .what = {}};
  pending.what = to_text(pending.event);
  pending_.emplace(ask.ticket, std::move(pending));
  return ask;
}

Ask Workload::reserve_out(Event event, std::uint8_t action, std::uint64_t key, std::uint64_t action_key) {
  Ask ask;
  ask.cdb = {0x5f, action, write_exclusive_registrants_only, 0, 0, 0, 0, 0, 24};
  ask.data_out.resize(24);
  put_be(&ask.data_out[0], key, 8);
  put_be(&ask.data_out[8], action_key, 8);
  ask.data_out[20] = shape_.keeps_reservations && (action == 0 || action == 6) ? 1 : 0;
  return begin(std::move(event), std::move(ask));
}

Ask Workload::registration(int host) {
  Event event;
  event.host = host;
  event.kind = Event::Kind::register_key;
  return reserve_out(std::move(event), 6, 0, key_of(host));
}

Ask Workload::reservation() {
  Event event;
  event.kind = Event::Kind::register_key;
  Ask ask = reserve_out(std::move(event), 1, key_of(0), 0);
  pending_.at(ask.ticket).noted = false;
  return ask;
}

Ask Workload::on_cells(Event event) {
  const auto cells = static_cast<std::uint32_t>(event.values.size());
  const std::uint32_t blocks = cells * shape_.cell_blocks;
  Ask ask;
  ask.cdb[0] = opcode_of(event.kind);
  put_be(&ask.cdb[2], event.first * shape_.cell_blocks, 8);
  switch (event.kind) {
    case Event::Kind::write_atomic:
      put_be(&ask.cdb[12], blocks, 2);
      break;
    case Event::Kind::compare_and_write:
      ask.cdb[13] = static_cast<std::uint8_t>(blocks);
      put_cells(ask.data_out, event.first, event.expected);
      break;
    default:
      put_be(&ask.cdb[10], blocks, 4);
      break;
  }
  if (event.kind == Event::Kind::read)
    ask.data_in_bytes = cells * cell_bytes();
  else
    put_cells(ask.data_out, event.first, event.values);
  return begin(std::move(event), std::move(ask));
}

Ask Workload::next(int host) {
  const auto at = static_cast<std::size_t>(host);
  const bool registering = std::any_of(pending_.begin(), pending_.end(), [&](const auto& entry) {
    const Pending& pending = entry.second;
    return pending.event.host == host && pending.event.kind == Event::Kind::register_key && !pending.doubtful;
  });
  if (kept_out_[at] && !registering && below(4) == 0) return registration(host);
  Event event;
  event.host = host;
  if (host == 0 && shape_.fences && shape_.hosts > 1 && below(25) == 0) {
    event.kind = Event::Kind::fence;
    event.fenced = 1 + static_cast<int>(below(static_cast<std::uint32_t>(shape_.hosts) - 1));
    const std::uint64_t victim = key_of(event.fenced);
    return reserve_out(std::move(event), 5, key_of(0), victim);
  }
  const std::uint32_t cells = 1 + below(shape_.cells_max);
  event.first = below(shape_.cells - cells + 1);
  constexpr Event::Kind kinds[] = {Event::Kind::read,         Event::Kind::compare_and_write,
                                   Event::Kind::write_atomic, Event::Kind::compare_and_write,
                                   Event::Kind::read,         Event::Kind::write};
  event.kind = kinds[below(shape_.only_atomic ? 5 : 6)];
  event.values.resize(cells);
  if (event.kind == Event::Kind::read) return on_cells(std::move(event));
  for (BlockValue& value : event.values) value = ++last_value_;
  if (event.kind == Event::Kind::compare_and_write)
    event.expected.assign(guess_.begin() + event.first, guess_.begin() + event.first + cells);
  return on_cells(std::move(event));
}

Ask Workload::last_look() {
  Event event;
  event.kind = Event::Kind::read;
  event.values.resize(shape_.cells);
  return on_cells(std::move(event));
}

void Workload::put_cells(std::vector<std::uint8_t>& data, std::uint32_t first,
                         const std::vector<BlockValue>& values) const {
  for (const BlockValue value : values) {
    const std::uint64_t words[2] = {value == 0 ? 0 : cell_mark + first, value};
    ++first;
    for (std::size_t i = 0; i < cell_bytes(); i += sizeof words) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(words);
      data.insert(data.end(), bytes, bytes + sizeof words);
    }
  }
}

std::vector<BlockValue> Workload::cells_in(std::span<const std::uint8_t> data, std::uint32_t first) const {
  std::vector<BlockValue> values;
  for (std::size_t at = 0; at + cell_bytes() <= data.size(); at += cell_bytes(), ++first) {
    std::uint64_t words[2];
    std::memcpy(words, &data[at], sizeof words);
    const bool in_place = words[0] == (words[1] == 0 ? 0 : cell_mark + first);
    bool whole = in_place;
    for (std::size_t i = 0; i < cell_bytes() && whole; i += sizeof words)
      whole = std::memcmp(&data[at + i], words, sizeof words) == 0;
    values.push_back(whole ? words[1] : torn);
  }
  return values;
}

void Workload::note(Pending& pending, Event::Result result) {
  pending.event.result = result;
  if (result != Event::Result::open) pending.event.answered = ++clock_;
  if (pending.noted) history_.push_back(pending.event);
}

void Workload::good(Pending& pending, const Reply& reply) {
  Event& event = pending.event;
  if (event.kind == Event::Kind::read) {
    const std::size_t cells = event.values.size();
    event.values = cells_in(reply.data_in, event.first);
    if (event.values.size() != cells && unexpected_.empty()) unexpected_ = pending.what + ": too little data";
  }
  note(pending, Event::Result::good);
  if (event.kind < Event::Kind::fence)
    std::copy(event.values.begin(), event.values.end(), guess_.begin() + event.first);
  if (event.kind == Event::Kind::register_key && pending.noted) registered(event.host);
  if (event.kind != Event::Kind::fence) return;
  for (auto& [ticket, other] : pending_)
    if (other.event.host == event.fenced) other.doubtful = true;
}

/// What the fence aborted is never answered. What it did not, and is still under way, is given up
/// all the same: then nothing is said of it.
void Workload::registered(int host) {
  kept_out_[static_cast<std::size_t>(host)] = false;
  const std::size_t before = abandoned_.size();
  for (const auto& [ticket, other] : pending_)
    if (other.event.host == host && other.doubtful) abandoned_.push_back(ticket);
  for (std::size_t i = before; i < abandoned_.size(); ++i) {
    auto node = pending_.extract(abandoned_[i]);
    note(node.mapped(), Event::Result::open);
  }
}

void Workload::answered(int ticket, const Reply& reply) {
  auto node = pending_.extract(ticket);
  if (node.empty()) return;
  Pending& pending = node.mapped();
  const auto host = static_cast<std::size_t>(pending.event.host);
  const bool conditions = reply.status == check_condition;
  if (reply.status == good_status) return good(pending, reply);
  if (reply.status == reservation_conflict) {
    if (pending.event.kind < Event::Kind::fence) kept_out_[host] = true;
    return note(pending, Event::Result::conflict);
  }
  if (conditions && reply.sense_key == unit_attention) {  // It was not done.
    if (reply.additional == 0x2a05) kept_out_[host] = true;
    return;
  }
  if (conditions && reply.sense_key == miscompare &&
      pending.event.kind == Event::Kind::compare_and_write) {
    pending.event.differs_at = reply.information / cell_bytes();
    return note(pending, Event::Result::miscompare);
  }
  if (unexpected_.empty())
    unexpected_ = pending.what + ": status " + std::to_string(reply.status) + ", sense key " +
                  std::to_string(reply.sense_key) + ", additional " + std::to_string(reply.additional);
  note(pending, Event::Result::open);
}

void Workload::lost(int ticket) {
  auto node = pending_.extract(ticket);
  if (node.empty()) return;
  node.mapped().event.answered = ++clock_;
  note(node.mapped(), Event::Result::open);
}

void Workload::crashed() {
  while (!pending_.empty()) lost(pending_.begin()->first);
  abandoned_.clear();
}

int Workload::in_flight(int host) const {
  return static_cast<int>(std::count_if(pending_.begin(), pending_.end(), [host](const auto& entry) {
    return entry.second.event.host == host && !entry.second.doubtful;
  }));
}

int Workload::count(Event::Kind kind, Event::Result result) const {
  return static_cast<int>(std::count_if(history_.begin(), history_.end(), [&](const Event& event) {
    return event.kind == kind && event.result == result;
  }));
}

}  // namespace holdfast::testing_support
