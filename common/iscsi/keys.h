#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/iscsi/parameters.h"

// Every key of RFC 7143 section 13, and AuthMethod of section 12, as rows of one table.

namespace holdfast::iscsi {

enum class Key : std::uint8_t {
  auth_method,
  header_digest,
  data_digest,
  max_connections,
  send_targets,
  target_name,
  initiator_name,
  target_alias,
  initiator_alias,
  target_address,
  target_portal_group_tag,
  initial_r2t,
  immediate_data,
  max_recv_data_segment_length,
  max_burst_length,
  first_burst_length,
  default_time2wait,
  default_time2retain,
  max_outstanding_r2t,
  data_pdu_in_order,
  data_sequence_in_order,
  error_recovery_level,
  session_type,
  task_reporting,
  iscsi_protocol_level,
  node_architecture,
  if_marker,
  of_marker,
  if_mark_int,
  of_mark_int,
};
inline constexpr std::size_t key_count = 30;

/// How two ends come to one value (section 6.2).
enum class Rule : std::uint8_t {
  declared_text,    // one end says it, nobody answers
  declared_number,  // the same, and it is a number
  minimum,          // the smaller of both numbers
  maximum,          // the larger of both numbers
  logical_or,       // Yes if either end says Yes
  logical_and,      // Yes if both ends say Yes
  list,             // the first of the offered items that the answering end supports
  obsolete,         // section 13.25: always answered Reject
};

/// When a key may be used (the start of section 13).
enum class Use : std::uint8_t {
  initialize_only,    // IO: the login of every connection
  leading_only,       // LO: the login of a session's first connection
  full_feature_only,  // FFPO
  any_time,           // ALL
};

/// Which end may begin to speak of a key.
enum class Sender : std::uint8_t { initiator, target, both };

struct KeyRow {
  std::string_view name;
  Rule rule;
  Use use;
  Sender sender;
  bool irrelevant_in_discovery = false;
  // For numbers.
  std::uint32_t at_least = 0;
  std::uint32_t at_most = 0;
  // Where the value in force is kept; its default is the member's own.
  std::uint32_t Parameters::*number = nullptr;
  bool Parameters::*boolean = nullptr;
  // For lists: what we support, best first.
  std::string_view supported{};
};

const KeyRow& row_of(Key key);
/// Names are case-sensitive.
std::optional<Key> find_key(std::string_view name);

}  // namespace holdfast::iscsi
