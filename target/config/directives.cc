#include "target/config/directives.h"

#include <array>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::uint32_t segment_max = 16'777'215;  // 24 bits (RFC 7143 13.12)
constexpr std::string_view no_markers = "RFC 7143 has no markers";
constexpr std::string_view in_order = "data is served in order only";
constexpr std::string_view ended_with_it = "a session ends with its connection";

using Target = TargetConfig;
using Offer = iscsi::Parameters;

template <auto member>
void set(Target& target, std::uint32_t value) {
  target.*member = value;
}
template <auto member>
void offer(Target& target, std::uint32_t value) {
  target.offered.*member = value;
}
template <auto member>
void offer_yes_no(Target& target, bool value) {
  target.offered.*member = value;
}

// clang-format off
const std::array directives = {
    Directive{"Target", TargetRule{}},
    Directive{"Lun", LunRule{}},
    Directive{"Alias", AliasRule{}},

    Directive{"MaxSessions", NumberRule{0, 0x7fff'ffff, set<&Target::max_sessions>}},
    Directive{"MaxConnections", NumberRule{1, 65'535, offer<&Offer::max_connections>, session_connections_max}},
    Directive{"InitialR2T", YesNoRule{offer_yes_no<&Offer::initial_r2t>}},
    Directive{"ImmediateData", YesNoRule{offer_yes_no<&Offer::immediate_data>}},
    Directive{"MaxRecvDataSegmentLength",
              NumberRule{512, segment_max, offer<&Offer::our_max_recv_data_segment_length>}},
    Directive{"MaxXmitDataSegmentLength",
              NumberRule{512, segment_max, set<&Target::max_xmit_data_segment_length>}},
    Directive{"MaxBurstLength", NumberRule{512, segment_max, offer<&Offer::max_burst_length>}},
    Directive{"FirstBurstLength", NumberRule{512, segment_max, offer<&Offer::first_burst_length>}},
    Directive{"DefaultTime2Wait", NumberRule{0, 3600, offer<&Offer::default_time2wait>}},
    Directive{"DefaultTime2Retain", IgnoredNumberRule{0, 3600, ended_with_it}},
    Directive{"MaxOutstandingR2T", NumberRule{1, 65'535, offer<&Offer::max_outstanding_r2t>}},
    Directive{"DataPDUInOrder", FixedYesNoRule{true, in_order}},
    Directive{"DataSequenceInOrder", FixedYesNoRule{true, in_order}},
    Directive{"ErrorRecoveryLevel", NumberRule{0, 2, offer<&Offer::error_recovery_level>, 0}},
    Directive{"NOPInterval", NumberRule{0, 90, set<&Target::nop_interval>}},
    Directive{"NOPTimeout", NumberRule{0, 90, set<&Target::nop_timeout>}},
    Directive{"QueuedCommands", NumberRule{1, 256, set<&Target::queued_commands>}},
    Directive{"HeaderDigest", DigestRule{&Target::header_digest}},
    Directive{"DataDigest", DigestRule{&Target::data_digest}},

    Directive{"OFMarker", FixedYesNoRule{false, no_markers}},
    Directive{"IFMarker", FixedYesNoRule{false, no_markers}},
    Directive{"OFMarkInt", IgnoredNumberRule{1, 65'535, no_markers}},
    Directive{"IFMarkInt", IgnoredNumberRule{1, 65'535, no_markers}},
    Directive{"Wthreads", IgnoredNumberRule{1, 128, "there are no worker threads to count"}},
    Directive{"Type", IgnoredNumberRule{0, 0, "every target is a disk"}},

    Directive{"IncomingUser", AccountRule{AccountKind::incoming}},
    Directive{"OutgoingUser", AccountRule{AccountKind::outgoing}},
    Directive{"PortalGroup", PortalGroupRule{}},
    Directive{"Redirect", RedirectRule{}},
    Directive{"iSNSServer", NotYetRule{"iSNS"}},
    Directive{"iSNSAccessControl", NotYetRule{"iSNS"}},
};
// clang-format on

}  // namespace

const Directive* find_directive(std::string_view name) {
  for (const Directive& directive : directives)
    if (equal_ignoring_case(directive.name, name)) return &directive;
  return nullptr;
}

std::vector<std::string_view> directive_names() {
  std::vector<std::string_view> names;
  for (const Directive& directive : directives) names.push_back(directive.name);
  return names;
}

std::string_view nearest_directive(std::string_view misspelt) {
  return nearest(misspelt, directive_names());
}

}  // namespace holdfast::target
