#include "common/iscsi/keys.h"

#include <array>

namespace holdfast::iscsi {
namespace {

constexpr std::uint32_t segment_min = 512;
constexpr std::uint32_t segment_max = 16'777'215;

using P = Parameters;
constexpr bool irrelevant = true;  // when SessionType=Discovery
constexpr bool relevant = false;
constexpr std::string_view digests = "CRC32C,None";

// clang-format off
// In the order of `Key`. What stands in the last columns: range, number, boolean, supported items.
constexpr std::array<KeyRow, key_count> rows{{
  {"AuthMethod",               Rule::list,            Use::initialize_only,   Sender::both,      relevant, 0, 0, nullptr, nullptr, "None"},
  {"HeaderDigest",             Rule::list,            Use::initialize_only,   Sender::both,      relevant, 0, 0, nullptr, nullptr, digests},
  {"DataDigest",               Rule::list,            Use::initialize_only,   Sender::both,      relevant, 0, 0, nullptr, nullptr, digests},
  {"MaxConnections",           Rule::minimum,         Use::leading_only,      Sender::both,      irrelevant, 1, 65'535, &P::max_connections},
  {"SendTargets",              Rule::declared_text,   Use::full_feature_only, Sender::initiator},
  {"TargetName",               Rule::declared_text,   Use::initialize_only,   Sender::initiator},
  {"InitiatorName",            Rule::declared_text,   Use::initialize_only,   Sender::initiator},
  {"TargetAlias",              Rule::declared_text,   Use::any_time,          Sender::target},
  {"InitiatorAlias",           Rule::declared_text,   Use::any_time,          Sender::initiator},
  {"TargetAddress",            Rule::declared_text,   Use::any_time,          Sender::target},
  {"TargetPortalGroupTag",     Rule::declared_text,   Use::initialize_only,   Sender::target},
  {"InitialR2T",               Rule::logical_or,      Use::leading_only,      Sender::both,      irrelevant, 0, 0, nullptr, &P::initial_r2t},
  {"ImmediateData",            Rule::logical_and,     Use::leading_only,      Sender::both,      irrelevant, 0, 0, nullptr, &P::immediate_data},
  {"MaxRecvDataSegmentLength", Rule::declared_number, Use::any_time,          Sender::both,      relevant, segment_min, segment_max, &P::peer_max_recv_data_segment_length},
  {"MaxBurstLength",           Rule::minimum,         Use::leading_only,      Sender::both,      irrelevant, segment_min, segment_max, &P::max_burst_length},
  {"FirstBurstLength",         Rule::minimum,         Use::leading_only,      Sender::both,      irrelevant, segment_min, segment_max, &P::first_burst_length},
  {"DefaultTime2Wait",         Rule::maximum,         Use::leading_only,      Sender::both,      relevant, 0, 3600, &P::default_time2wait},
  {"DefaultTime2Retain",       Rule::minimum,         Use::leading_only,      Sender::both,      relevant, 0, 3600, &P::default_time2retain},
  {"MaxOutstandingR2T",        Rule::minimum,         Use::leading_only,      Sender::both,      irrelevant, 1, 65'535, &P::max_outstanding_r2t},
  {"DataPDUInOrder",           Rule::logical_or,      Use::leading_only,      Sender::both,      irrelevant, 0, 0, nullptr, &P::data_pdu_in_order},
  {"DataSequenceInOrder",      Rule::logical_or,      Use::leading_only,      Sender::both,      irrelevant, 0, 0, nullptr, &P::data_sequence_in_order},
  {"ErrorRecoveryLevel",       Rule::minimum,         Use::leading_only,      Sender::both,      relevant, 0, 2, &P::error_recovery_level},
  {"SessionType",              Rule::declared_text,   Use::leading_only,      Sender::initiator},
  {"TaskReporting",            Rule::list,            Use::leading_only,      Sender::both,      irrelevant, 0, 0, nullptr, nullptr, "RFC3720"},
  {"iSCSIProtocolLevel",       Rule::minimum,         Use::leading_only,      Sender::both,      irrelevant, 0, 31, &P::iscsi_protocol_level},
  {"X#NodeArchitecture",       Rule::declared_text,   Use::leading_only,      Sender::both},
  {"IFMarker",                 Rule::obsolete,        Use::initialize_only,   Sender::both},
  {"OFMarker",                 Rule::obsolete,        Use::initialize_only,   Sender::both},
  {"IFMarkInt",                Rule::obsolete,        Use::initialize_only,   Sender::both},
  {"OFMarkInt",                Rule::obsolete,        Use::initialize_only,   Sender::both},
}};
// clang-format on

static_assert(rows[static_cast<std::size_t>(Key::of_mark_int)].name == "OFMarkInt");
static_assert(rows[static_cast<std::size_t>(Key::session_type)].name == "SessionType");
static_assert(rows[static_cast<std::size_t>(Key::first_burst_length)].name == "FirstBurstLength");

}  // namespace

const KeyRow& row_of(Key key) {
  return rows[static_cast<std::size_t>(key)];
}

std::optional<Key> find_key(std::string_view name) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return static_cast<Key>(i);
  return std::nullopt;
}

}  // namespace holdfast::iscsi
