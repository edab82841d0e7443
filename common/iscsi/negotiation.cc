#include "common/iscsi/negotiation.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

// Numbers and booleans are negotiated by the same code, booleans as 0 and 1: minimum is then AND,
// and maximum OR.

namespace holdfast::iscsi {
namespace {

constexpr std::string_view not_understood = "NotUnderstood";
constexpr std::string_view irrelevant = "Irrelevant";
constexpr std::string_view reject = "Reject";
constexpr std::string_view none = "None";
constexpr std::string_view crc32c = "CRC32C";

bool is_digest(Key key) { return key == Key::header_digest || key == Key::data_digest; }

Error broken(std::string message) {
  return Error{ErrorKind::protocol, 0, std::move(message)};
}

bool is_boolean(const KeyRow& row) {
  return row.rule == Rule::logical_or || row.rule == Rule::logical_and;
}

bool is_combined(const KeyRow& row) {
  return is_boolean(row) || row.rule == Rule::minimum || row.rule == Rule::maximum;
}

/// What two ends that say `a` and `b` agree on.
std::uint32_t combine(const KeyRow& row, std::uint32_t a, std::uint32_t b) {
  const bool smaller = row.rule == Rule::minimum || row.rule == Rule::logical_and;
  return smaller ? std::min(a, b) : std::max(a, b);
}

std::uint32_t value_in(const Parameters& parameters, const KeyRow& row) {
  return is_boolean(row) ? (parameters.*row.boolean ? 1 : 0) : parameters.*row.number;
}

void set_value(Parameters& parameters, const KeyRow& row, std::uint32_t value) {
  if (is_boolean(row))
    parameters.*row.boolean = value != 0;
  else
    parameters.*row.number = value;
}

/// The value that a text stands for; nothing if it is none, or out of the key's range.
std::optional<std::uint32_t> parse_value(const KeyRow& row, std::string_view text) {
  if (is_boolean(row)) {
    const std::optional<bool> boolean = parse_boolean(text);
    if (!boolean) return std::nullopt;
    return *boolean ? 1 : 0;
  }
  const std::optional<std::uint64_t> number = parse_number(text);
  if (!number || *number < row.at_least || *number > row.at_most) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::string value_text(const KeyRow& row, std::uint32_t value) {
  return is_boolean(row) ? std::string(boolean_text(value != 0)) : std::to_string(value);
}

bool contains(std::string_view list, std::string_view item) {
  const std::vector<std::string_view> items = split_list(list);
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

Negotiator::Negotiator(Side side, Phase phase, const Parameters& ours, bool discovery)
    : side_(side), phase_(phase), discovery_(discovery), ours_(ours) {
  if (phase == Phase::login) return;
  agreed_ = ours;
  if (phase == Phase::full_feature) return;
  // These are each connection's own.
  agreed_.our_max_recv_data_segment_length = Parameters{}.our_max_recv_data_segment_length;
  agreed_.peer_max_recv_data_segment_length = Parameters{}.peer_max_recv_data_segment_length;
}

bool Negotiator::is_irrelevant(const KeyRow& row) const {
  if (discovery_ && row.irrelevant_in_discovery) return true;
  return phase_ == Phase::joining && row.use == Use::leading_only && row.rule != Rule::declared_text;
}

Status Negotiator::receive(std::span<const TextPair> pairs, TextBuilder& reply) {
  // FirstBurstLength comes last, wherever it stands: its answer depends on MaxBurstLength's.
  const std::string_view last = row_of(Key::first_burst_length).name;
  for (const TextPair& pair : pairs) {
    if (pair.key == last) continue;
    Status taken = receive_pair(pair, reply);
    if (!taken) return taken;
  }
  for (const TextPair& pair : pairs) {
    if (pair.key != last) continue;
    Status taken = receive_pair(pair, reply);
    if (!taken) return taken;
  }
  return {};
}

Status Negotiator::receive_pair(const TextPair& pair, TextBuilder& reply) {
  const std::optional<Key> key = find_key(pair.key);
  if (!key) {
    if (pair.value != not_understood) reply.add(pair.key, not_understood);
    return {};
  }
  State& state = states_[index(*key)];
  if (state == State::offered) return take_answer(*key, pair.value);
  const KeyRow& row = row_of(*key);
  if (state == State::settled) {
    // libiscsi says its names once in each stage, which changes nothing.
    if (row.rule == Rule::declared_text && values_[index(*key)] == pair.value) return {};
    return broken(fmt::format("{} is named a second time", pair.key));
  }
  state = State::settled;
  if (row.rule == Rule::obsolete || !may_be_used(row)) {
    reply.add(row.name, reject);
    return {};
  }
  if (is_irrelevant(row)) {
    reply.add(row.name, irrelevant);
    return {};
  }
  return take_offer(*key, pair.value, reply);
}

std::string_view Negotiator::supported(Key key) const {
  const std::string_view narrowed = supported_[index(key)];
  return narrowed.empty() ? row_of(key).supported : narrowed;
}

bool Negotiator::may_be_used(const KeyRow& row) const {
  const Sender peer = side_ == Side::target ? Sender::initiator : Sender::target;
  if (row.sender != Sender::both && row.sender != peer) return false;
  if (row.use == Use::any_time) return true;
  return (row.use == Use::full_feature_only) == (phase_ == Phase::full_feature);
}

Status Negotiator::take_offer(Key key, std::string_view value, TextBuilder& reply) {
  const KeyRow& row = row_of(key);
  switch (row.rule) {
    case Rule::declared_text:
      values_[index(key)] = value;
      return {};
    case Rule::declared_number:
      return take_number_declaration(key, value);
    case Rule::list:
      choose_from_list(key, value, reply);
      return {};
    case Rule::minimum:
    case Rule::maximum:
    case Rule::logical_or:
    case Rule::logical_and: {
      const std::optional<std::uint32_t> offer = parse_value(row, value);
      if (!offer) {
        reply.add(row.name, reject);
        return {};
      }
      const std::uint32_t agreed = combine(row, our_value(key), *offer);
      set_value(agreed_, row, agreed);
      reply.add(row.name, value_text(row, agreed));
      return {};
    }
    case Rule::obsolete:
      break;
  }
  return {};
}

Status Negotiator::take_number_declaration(Key key, std::string_view value) {
  const KeyRow& row = row_of(key);
  const std::optional<std::uint32_t> number = parse_value(row, value);
  if (!number)  // A declaration has no answer, so there is no way to reject the value alone.
    return broken(fmt::format("{}={} is not a number from {} to {}", row.name, printable(value),
                              row.at_least, row.at_most));
  agreed_.*row.number = *number;
  return {};
}

void Negotiator::choose_from_list(Key key, std::string_view value, TextBuilder& reply) {
  const KeyRow& row = row_of(key);
  std::string& chosen = values_[index(key)];
  chosen = reject;
  for (std::string_view item : split_list(value)) {
    if (!contains(supported(key), item)) continue;
    chosen = item;
    break;
  }
  reply.add(row.name, chosen);
}

Status Negotiator::take_answer(Key key, std::string_view value) {
  const KeyRow& row = row_of(key);
  states_[index(key)] = State::settled;
  --unanswered_;
  const bool refused = value == reject || value == irrelevant || value == not_understood;
  if (row.rule == Rule::list) {
    if (!refused && !contains(supported(key), value))
      return broken(fmt::format("{}={} answers what we did not offer", row.name, printable(value)));
    values_[index(key)] = value;
    return {};
  }
  const std::uint32_t offer = offers_[index(key)];
  if (refused) {
    const std::uint32_t standing = value_in(agreed_, row);
    if (value == irrelevant || combine(row, offer, standing) == standing) return {};
    return broken(fmt::format("{}={} answers {}, and {} does not suit us", row.name, value,
                              value_text(row, offer), value_text(row, standing)));
  }
  const std::optional<std::uint32_t> answer = parse_value(row, value);
  if (!answer || combine(row, offer, *answer) != *answer)
    return broken(fmt::format("{}={} is no answer to {}", row.name, printable(value),
                              value_text(row, offer)));
  set_value(agreed_, row, *answer);
  return {};
}

std::uint32_t Negotiator::our_value(Key key) const {
  const std::uint32_t ours = value_in(ours_, row_of(key));
  if (key != Key::first_burst_length) return ours;
  // Section 13.14: never more than MaxBurstLength.
  return std::min({ours, ours_.max_burst_length, agreed_.max_burst_length});
}

void Negotiator::propose(Key key, TextBuilder& text) {
  const KeyRow& row = row_of(key);
  CHECK(row.rule == Rule::declared_number || row.rule == Rule::list || is_combined(row));
  if (row.rule == Rule::declared_number) {
    agreed_.our_max_recv_data_segment_length = ours_.our_max_recv_data_segment_length;
    text.add(row.name, std::to_string(ours_.our_max_recv_data_segment_length));
    return;
  }
  CHECK(states_[index(key)] == State::unnamed);
  states_[index(key)] = State::offered;
  ++unanswered_;
  if (row.rule == Rule::list) {
    text.add(row.name, supported(key));
    return;
  }
  offers_[index(key)] = our_value(key);
  text.add(row.name, value_text(row, offers_[index(key)]));
}

void Negotiator::propose_what_defaults_would_break(TextBuilder& text) {
  for (std::size_t i = 0; i < key_count; ++i) {
    const Key key = static_cast<Key>(i);
    const KeyRow& row = row_of(key);
    if (was_named(key) || is_irrelevant(row)) continue;
    if (is_digest(key) && !contains(supported(key), none)) propose(key, text);
    if (!is_combined(row)) continue;
    const std::uint32_t standing = value_in(agreed_, row);
    if (combine(row, our_value(key), standing) != standing) propose(key, text);
  }
}

Result<Parameters> Negotiator::result() const {
  Parameters parameters = agreed_;
  parameters.header_digest = value_of(Key::header_digest) == crc32c;
  parameters.data_digest = value_of(Key::data_digest) == crc32c;
  for (const Key key : {Key::header_digest, Key::data_digest})
    if (value_of(key) != crc32c && !contains(supported(key), none))
      return broken(fmt::format("{} cannot do without CRC32C here", row_of(key).name));
  if (parameters.first_burst_length > parameters.max_burst_length) {
    const bool unsolicited_data = !parameters.initial_r2t || parameters.immediate_data;
    if (unsolicited_data && !discovery_)
      return broken(fmt::format("FirstBurstLength {} is more than MaxBurstLength {}",
                                parameters.first_burst_length, parameters.max_burst_length));
    parameters.first_burst_length = parameters.max_burst_length;
  }
  return parameters;
}

}  // namespace holdfast::iscsi
