// --compat: what IET did with a line that is wrong is done, and warned of. Without it each is an error.

#include <gtest/gtest.h>
#include <string>

#include "target/config/parser.h"
#include "target/config/write_config.h"

namespace holdfast::target {
namespace {

ParsedConfig parse(const std::string& text, Rigour rigour) {
  return parse_config(text, "t.conf", "/etc/iet", rigour);
}

std::string said(const ParsedConfig& parsed) {
  std::string all;
  for (const Diagnostic& one : parsed.diagnostics) all += one.to_string() + "\n";
  return all;
}

const std::string target = "Target iqn.2026-11.example:a\n";
const std::string lun = "Lun 0 Path=/srv/a.img\n";

struct Case {
  const char* sentence;
  std::string wrong;  // after the Target line and its Lun
  std::string as_if;  // the lines that it counts as
};

const Case cases[] = {
    {"above the range is the least", "QueuedCommands 1000\n", "QueuedCommands 1\n"},
    {"below the range is the least", "MaxBurstLength 1\n", "MaxBurstLength 512\nFirstBurstLength 512\n"},
    {"a ping too rare is none", "NOPInterval 120\n", ""},
    {"DefaultTime2Wait takes the greatest", "DefaultTime2Wait 9999\n", "DefaultTime2Wait 3600\n"},
    {"what begins as a number is that number", "MaxSessions 3x\n", "MaxSessions 3\n"},
    {"no number at all is 0, and the least", "MaxOutstandingR2T many\n", "MaxOutstandingR2T 1\n"},
    {"a yes in another case is passed over", "InitialR2T yes\n", ""},
    {"a digest of another name is passed over", "HeaderDigest MD5\n", ""},
    {"the rest of a line is passed over", "MaxSessions 3 4 5\n", "MaxSessions 3\n"},
    {"a directive without a value is passed over", "MaxSessions\n", ""},
    {"a misspelt directive is passed over", "MaxSesions 3\n", ""},
    {"of two the last one counts", "MaxSessions 3\nMaxSessions 4\n", "MaxSessions 4\n"},
    {"what was forced is forced", "ErrorRecoveryLevel 2\nDataPDUInOrder No\nOFMarker Yes\n", ""},
    {"a Lun with an unknown option is not served", "Lun 1 Path=/b,Compress=yes\n", ""},
    {"a Lun without a path is not served", "Lun 1 IOMode=wb\n", ""},
    {"of two Luns the first one counts", "Lun 0 Path=/srv/other.img\n", ""},
    {"of two OutgoingUsers the last one counts",
     "IncomingUser joe secret-of-joe\nOutgoingUser a secret-of-ours\nOutgoingUser b secret-of-ours2\n",
     "IncomingUser joe secret-of-joe\nOutgoingUser b secret-of-ours2\n"},
    {"a name server is not asked", "iSNSServer 192.0.2.1\n", ""},
    {"a timeout above the interval is as long", "NOPInterval 5\nNOPTimeout 9\n", "NOPInterval 5\n"},
};

TEST(Compat, DoesWhatIetDidAndWarnsOfIt) {
  for (const Case& one : cases) {
    const ParsedConfig parsed = parse(target + lun + one.wrong, Rigour::compat);
    EXPECT_TRUE(parsed.good()) << one.sentence << "\n" << said(parsed);
    EXPECT_NE(said(parsed).find("; as with IET, "), std::string::npos) << one.sentence << "\n" << said(parsed);
    EXPECT_EQ(write_config(parsed.config), write_config(parse(target + lun + one.as_if, Rigour::strict).config))
        << one.sentence;
    EXPECT_FALSE(parse(target + lun + one.wrong, Rigour::strict).good()) << one.sentence;
  }
}

TEST(Compat, AShortSecretIsTakenAndWarnedOf) {
  const ParsedConfig parsed = parse(target + lun + "IncomingUser joe short\n", Rigour::compat);
  EXPECT_TRUE(parsed.good()) << said(parsed);
  ASSERT_EQ(parsed.config.targets.at(0).accounts.incoming.size(), 1u);
  EXPECT_NE(said(parsed).find("a secret of 5 bytes can be guessed"), std::string::npos) << said(parsed);
}

TEST(Compat, ASecondTargetOfTheNameLeavesItsUsersToTheFirst) {
  const ParsedConfig parsed =
      parse(target + lun + target + "Lun 1 Path=/b\nIncomingUser joe secret-of-joe\n", Rigour::compat);
  EXPECT_TRUE(parsed.good()) << said(parsed);
  ASSERT_EQ(parsed.config.targets.size(), 1u);
  EXPECT_EQ(parsed.config.targets[0].luns.size(), 1u);
  EXPECT_EQ(parsed.config.targets[0].accounts.incoming.size(), 1u);
}

TEST(Compat, ATargetOfNoNameLeavesItsUsersToDiscovery) {
  const ParsedConfig parsed = parse("Target\nLun 1 Path=/b\nIncomingUser joe secret-of-joe\n" + target + lun, Rigour::compat);
  EXPECT_TRUE(parsed.good()) << said(parsed);
  ASSERT_EQ(parsed.config.targets.size(), 1u);
  EXPECT_EQ(parsed.config.discovery_accounts.incoming.size(), 1u);
}

TEST(Compat, ADoorThatWasLockedIsNotOpened) {
  EXPECT_FALSE(parse("iSNSAccessControl Yes\n" + target + lun, Rigour::compat).good());
}

}  // namespace
}  // namespace holdfast::target
