#include "target/config/directives.h"

#include <array>
#include <fmt/format.h>

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
constexpr NumberRule number(std::uint32_t min, std::uint32_t max) {
  return {min, max, [](const Target& target) { return target.*member; },
          [](Target& target, std::uint32_t value) { target.*member = value; }};
}
/// Of what we answer in negotiation.
template <auto member>
constexpr NumberRule offered(std::uint32_t min, std::uint32_t max, std::uint32_t served_max = 0xffff'ffff) {
  return {min, max, [](const Target& target) { return target.offered.*member; },
          [](Target& target, std::uint32_t value) { target.offered.*member = value; }, served_max};
}
template <auto member>
constexpr YesNoRule offered_yes_no() {
  return {[](const Target& target) { return target.offered.*member; },
          [](Target& target, bool value) { target.offered.*member = value; }};
}

// clang-format off
const std::array directives = {
    Directive{"Target", TargetRule{}},
    Directive{"Lun", LunRule{}},
    Directive{"Alias", AliasRule{}},

    Directive{"MaxSessions", number<&Target::max_sessions>(0, 0x7fff'ffff)},
    Directive{"MaxConnections", offered<&Offer::max_connections>(1, 65'535, session_connections_max)},
    Directive{"InitialR2T", offered_yes_no<&Offer::initial_r2t>()},
    Directive{"ImmediateData", offered_yes_no<&Offer::immediate_data>()},
    Directive{"MaxRecvDataSegmentLength",
              offered<&Offer::our_max_recv_data_segment_length>(512, segment_max)},
    Directive{"MaxXmitDataSegmentLength",
              number<&Target::max_xmit_data_segment_length>(512, segment_max)},
    Directive{"MaxBurstLength", offered<&Offer::max_burst_length>(512, segment_max)},
    Directive{"FirstBurstLength", offered<&Offer::first_burst_length>(512, segment_max)},
    Directive{"DefaultTime2Wait", offered<&Offer::default_time2wait>(0, 3600)},
    Directive{"DefaultTime2Retain", IgnoredNumberRule{0, 3600, ended_with_it}},
    Directive{"MaxOutstandingR2T", offered<&Offer::max_outstanding_r2t>(1, 65'535)},
    Directive{"DataPDUInOrder", FixedYesNoRule{true, in_order}},
    Directive{"DataSequenceInOrder", FixedYesNoRule{true, in_order}},
    Directive{"ErrorRecoveryLevel", offered<&Offer::error_recovery_level>(0, 2, 0)},
    Directive{"NOPInterval", number<&Target::nop_interval>(0, 90)},
    Directive{"NOPTimeout", number<&Target::nop_timeout>(0, 90)},
    Directive{"QueuedCommands", number<&Target::queued_commands>(1, 256)},
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
    Directive{"iSNSServer", IsnsRule{}},
    Directive{"iSNSAccessControl", IsnsRule{.is_access_control = true}},
};
// clang-format on

}  // namespace

void read_isns(const IsnsRule& rule, const Directive& directive, const Line& line, Diagnostics& diagnostics) {
  const std::string_view value = line.words.size() == 2 ? std::string_view(line.words[1].text) : std::string_view();
  if (rule.is_access_control && equal_ignoring_case(value, "No"))
    return diagnostics.note(line.number, "iSNSAccessControl has no effect: there is no iSNS here");
  // Who would be kept out by an iSNS server must not get in because there is none.
  if (rule.is_access_control)
    return diagnostics.error(line.number,
                             "iSNSAccessControl Yes cannot be had: there is no iSNS here; say in initiators.allow who may log in");
  diagnostics.fault(line.number,
                    fmt::format("{} cannot be had: there is no iSNS here; `isnsadm --register` of open-isns-utils can "
                                "register a target by hand",
                                directive.name),
                    "who does not answer is passed over");
}

std::span<const Directive> all_directives() {
  return directives;
}

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
