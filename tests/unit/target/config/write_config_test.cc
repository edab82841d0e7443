// What is written reads back as the same: the text of what was read back is the text.

#include "target/config/write_config.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <string>

#include "target/config/directives.h"
#include "target/config/parser.h"

namespace holdfast::target {
namespace {

Config read(const std::string& text) {
  const ParsedConfig parsed = parse_config(text, "t.conf", "/etc/iet");
  for (const Diagnostic& said : parsed.diagnostics)
    if (said.severity == Diagnostic::Severity::error) ADD_FAILURE() << said.to_string() << "\nin:\n" << text;
  return parsed.config;
}

const std::string target_line = "Target iqn.2026-11.example:a\n";

TEST(WriteConfig, WhatHasItsDefaultIsLeftOut) {
  EXPECT_EQ(write_config(read(target_line + "Lun 0 Path=/srv/a.img\nQueuedCommands 128\nInitialR2T No\n")),
            "Target iqn.2026-11.example:a\n    Lun 0 Type=fileio,Path=/srv/a.img,IOMode=wt\n");
}

TEST(WriteConfig, EverySettingReadsBackAsTheSame) {
  for (const char* line :
       {"MaxSessions 3", "InitialR2T Yes", "ImmediateData No", "MaxRecvDataSegmentLength 512",
        "MaxXmitDataSegmentLength 16777215", "MaxBurstLength 512", "FirstBurstLength 16777215",
        "DefaultTime2Wait 3600", "MaxOutstandingR2T 65535", "NOPInterval 10", "NOPInterval 10\nNOPTimeout 3",
        "QueuedCommands 256", "HeaderDigest CRC32C", "DataDigest None", "Redirect 192.0.2.7", "Redirect [2001:db8::1]:3261 Permanent",
        "Alias \"two words, a \\\"quote\\\" and a \\\\\"", "Lun 7 Path=\"/srv/an old, disk#1.img\",IOMode=ro",
        "Lun 1 Path=relative.img,IOMode=wb,BlockSize=4096,ScsiId=\"a b,c\",ScsiSN=S\\1",
        "Lun 16383 Type=nullio,Blocks=1000,BlockSize=2048", "Lun 2 Path=/dev/sdx,Type=blockio",
        "IncomingUser joe \"a secret with blanks\"\nIncomingUser jane \"a\\\\b\\\"c#d,efghij\"",
        "IncomingUser joe secret-of-joe\nOutgoingUser us secret-of-ours"}) {
    const Config first = read(target_line + line + "\n");
    const std::string written = write_config(first);
    EXPECT_NE(written, target_line) << line << " was lost";
    EXPECT_EQ(write_config(read(written)), written) << line;
  }
}

TEST(WriteConfig, DiscoveryUsersComeBeforeTheFirstTarget) {
  const std::string text = "IncomingUser scout \"the scouts secret\"\nOutgoingUser us \"the other secret\"\n\n"
                           "Target iqn.2026-11.example:a\n    IncomingUser joe secret-of-joe\n\n"
                           "Target iqn.2026-11.example:b\n    Lun 0 Type=nullio\n";
  EXPECT_EQ(write_config(read(text)), text);
}

TEST(WriteConfig, EveryExampleOfTheSampleReadsBackAsTheSame) {
  std::ifstream file(std::string(HOLDFAST_SOURCE_DIR) + "/conf/ietd.conf");
  std::string text;
  for (std::string line; std::getline(file, line);)
    if (line.size() > 1 && line[0] == '#' && std::isalpha(static_cast<unsigned char>(line[1])))
      text += line.substr(1) + "\n";
  const std::string written = write_config(read(text));
  EXPECT_NE(written.find("Lun 2"), std::string::npos);
  EXPECT_EQ(write_config(read(written)), written);
}

TEST(WriteConfig, NoRuleForgetsToSayWhatItSet) {
  // A number or a Yes that differs from its default must be written, whatever directives come to be.
  for (const Directive& directive : all_directives()) {
    TargetConfig target;
    target.name = "iqn.2026-11.example:a";
    if (const auto* number = std::get_if<NumberRule>(&directive.rule))
      number->set(target, number->get(target) == number->min ? number->min + 1 : number->min);
    else if (const auto* yes_no = std::get_if<YesNoRule>(&directive.rule))
      yes_no->set(target, !yes_no->get(target));
    else
      continue;
    EXPECT_NE(write_settings(target).find(std::string(directive.name) + " "), std::string::npos) << directive.name;
  }
}

}  // namespace
}  // namespace holdfast::target
