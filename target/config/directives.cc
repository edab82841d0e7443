#include "target/config/directives.h"

#include <array>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::uint32_t segment_bytes_max = 16'777'215;  // 24 bits (RFC 7143 13.12)
constexpr std::string_view no_markers = "RFC 7143 has no markers";

const std::array directives = {
    Directive{"Target", TargetRule{}},
    Directive{"Lun", LunRule{}},
    Directive{"Alias", AliasRule{}},

    Directive{"MaxSessions", NumberRule{0, 0x7fff'ffff,
                                        [](TargetConfig& target, std::uint32_t value) {
                                          target.max_sessions = value;
                                        }}},
    Directive{"MaxConnections", NumberRule{1, 65'535,
                                           [](TargetConfig& target, std::uint32_t value) {
                                             target.offered.max_connections = value;
                                           },
                                           1}},
    Directive{"InitialR2T", YesNoRule{[](TargetConfig& target, bool value) {
                target.offered.initial_r2t = value;
              }}},
    Directive{"ImmediateData", YesNoRule{[](TargetConfig& target, bool value) {
                target.offered.immediate_data = value;
              }}},
    Directive{"MaxRecvDataSegmentLength",
              NumberRule{512, segment_bytes_max,
                         [](TargetConfig& target, std::uint32_t value) {
                           target.offered.our_max_recv_data_segment_length = value;
                         }}},
    Directive{"MaxXmitDataSegmentLength",
              NumberRule{512, segment_bytes_max,
                         [](TargetConfig& target, std::uint32_t value) {
                           target.max_xmit_data_segment_length = value;
                         }}},
    Directive{"MaxBurstLength", NumberRule{512, segment_bytes_max,
                                           [](TargetConfig& target, std::uint32_t value) {
                                             target.offered.max_burst_length = value;
                                           }}},
    Directive{"FirstBurstLength", NumberRule{512, segment_bytes_max,
                                             [](TargetConfig& target, std::uint32_t value) {
                                               target.offered.first_burst_length = value;
                                             }}},
    Directive{"DefaultTime2Wait", NumberRule{0, 3600,
                                             [](TargetConfig& target, std::uint32_t value) {
                                               target.offered.default_time2wait = value;
                                             }}},
    Directive{"DefaultTime2Retain",
              IgnoredNumberRule{0, 3600, "sessions are not kept for a lost connection: 0 is offered"}},
    Directive{"MaxOutstandingR2T", NumberRule{1, 65'535,
                                              [](TargetConfig& target, std::uint32_t value) {
                                                target.offered.max_outstanding_r2t = value;
                                              }}},
    Directive{"DataPDUInOrder", FixedYesNoRule{true, "data PDUs are served in order only"}},
    Directive{"DataSequenceInOrder", FixedYesNoRule{true, "data sequences are served in order only"}},
    Directive{"ErrorRecoveryLevel", NumberRule{0, 2,
                                               [](TargetConfig& target, std::uint32_t value) {
                                                 target.offered.error_recovery_level = value;
                                               },
                                               0}},
    Directive{"NOPInterval", NumberRule{0, 90,
                                        [](TargetConfig& target, std::uint32_t value) {
                                          target.nop_interval = value;
                                        }}},
    Directive{"NOPTimeout", NumberRule{0, 90,
                                       [](TargetConfig& target, std::uint32_t value) {
                                         target.nop_timeout = value;
                                       }}},
    Directive{"QueuedCommands", NumberRule{1, 256,
                                           [](TargetConfig& target, std::uint32_t value) {
                                             target.queued_commands = value;
                                           }}},
    Directive{"HeaderDigest", DigestRule{}},
    Directive{"DataDigest", DigestRule{}},

    Directive{"OFMarker", FixedYesNoRule{false, no_markers}},
    Directive{"IFMarker", FixedYesNoRule{false, no_markers}},
    Directive{"OFMarkInt", IgnoredNumberRule{1, 65'535, no_markers}},
    Directive{"IFMarkInt", IgnoredNumberRule{1, 65'535, no_markers}},
    Directive{"Wthreads", IgnoredNumberRule{1, 128, "there are no worker threads to count"}},
    Directive{"Type", IgnoredNumberRule{0, 0, "every target is a disk"}},

    Directive{"IncomingUser", NotYetRule{"CHAP"}},
    Directive{"OutgoingUser", NotYetRule{"CHAP"}},
    Directive{"iSNSServer", NotYetRule{"iSNS"}},
    Directive{"iSNSAccessControl", NotYetRule{"iSNS"}},
};

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
