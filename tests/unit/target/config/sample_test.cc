// conf/ietd.conf is what users learn the directives from, so it is held to what the reader does.

#include <cctype>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "target/config/directives.h"
#include "target/config/parser.h"
#include "target/config/values.h"

namespace holdfast::target {
namespace {

std::string read(const std::string& name) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/conf/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string said(const ParsedConfig& parsed) {
  std::string all;
  for (const Diagnostic& diagnostic : parsed.diagnostics) all += diagnostic.to_string() + "\n";
  return all;
}

/// The sample with the # taken from every example: a # right before a letter.
std::string with_every_example(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const bool example =
        line.size() > 1 && line[0] == '#' && std::isalpha(static_cast<unsigned char>(line[1]));
    out += (example ? line.substr(1) : line) + "\n";
  }
  return out;
}

TEST(Sample, AsItStandsItServesNothing) {
  EXPECT_EQ(said(parse_config(read("ietd.conf"), "ietd.conf", "/etc/iet")),
            "ietd.conf: warning: there is no Target, so nothing is served\n");
}

TEST(Sample, EveryExampleIsRight) {
  const ParsedConfig parsed =
      parse_config(with_every_example(read("ietd.conf")), "ietd.conf", "/etc/iet");
  EXPECT_TRUE(parsed.good()) << said(parsed);
  ASSERT_EQ(parsed.config.targets.size(), 1u);
  EXPECT_EQ(parsed.config.targets[0].luns.size(), 4u);
}

TEST(Sample, TheExamplesOfSessionKeysAreTheDefaults) {
  const ParsedConfig parsed =
      parse_config(with_every_example(read("ietd.conf")), "ietd.conf", "/etc/iet");
  ASSERT_EQ(parsed.config.targets.size(), 1u);
  const TargetConfig& read = parsed.config.targets[0];
  const TargetConfig defaults;
  EXPECT_EQ(read.max_sessions, defaults.max_sessions);
  EXPECT_EQ(read.queued_commands, defaults.queued_commands);
  EXPECT_EQ(read.max_xmit_data_segment_length, defaults.max_xmit_data_segment_length);
  EXPECT_EQ(read.nop_interval, defaults.nop_interval);
  EXPECT_EQ(read.nop_timeout, defaults.nop_timeout);
  const iscsi::Parameters& a = read.offered;
  const iscsi::Parameters& b = defaults.offered;
  EXPECT_EQ(a.initial_r2t, b.initial_r2t);
  EXPECT_EQ(a.immediate_data, b.immediate_data);
  EXPECT_EQ(a.first_burst_length, b.first_burst_length);
  EXPECT_EQ(a.max_burst_length, b.max_burst_length);
  EXPECT_EQ(a.our_max_recv_data_segment_length, b.our_max_recv_data_segment_length);
  EXPECT_EQ(a.max_outstanding_r2t, b.max_outstanding_r2t);
  EXPECT_EQ(a.default_time2wait, b.default_time2wait);
  EXPECT_EQ(a.default_time2retain, b.default_time2retain);
}

TEST(Sample, EveryDirectiveIsExplainedAndHasAnExample) {
  const std::string text = read("ietd.conf");
  for (std::string_view name : directive_names()) {
    const bool not_here = std::holds_alternative<IsnsRule>(find_directive(name)->rule);
    const std::string example = (not_here ? "\n#   (not here) " : "\n#") + std::string(name) + " ";
    EXPECT_NE(text.find(example), std::string::npos) << "no example of " << name;
  }
}

TEST(Sample, TheDemonstrationIsRight) {
  const ParsedConfig parsed = parse_config(read("demo.conf"), "demo.conf", "/repository/conf");
  EXPECT_EQ(said(parsed), "");
  ASSERT_EQ(parsed.config.targets.size(), 1u);
  EXPECT_EQ(parsed.config.targets[0].name, "iqn.2026-11.example.holdfast:demo");
  ASSERT_EQ(parsed.config.targets[0].luns.size(), 1u);
  EXPECT_EQ(parsed.config.targets[0].luns[0].type, LunType::nullio)
      << "it is served from a checkout, where there is no file yet";
}

}  // namespace
}  // namespace holdfast::target
