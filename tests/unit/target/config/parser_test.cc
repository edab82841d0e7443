#include "target/config/parser.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace holdfast::target {
namespace {

ParsedConfig parse(std::string_view text) {
  return parse_config(text, "t.conf", "/etc/iet");
}

/// Everything said, one line each.
std::string said(const ParsedConfig& parsed) {
  std::string all;
  for (const Diagnostic& diagnostic : parsed.diagnostics) all += diagnostic.to_string() + "\n";
  return all;
}

/// One target with one LUN; `lines` come between them, from line 2 on.
std::string target_with(std::string_view lines) {
  return "Target iqn.2026-11.example:disk\n" + std::string(lines) + "\nLun 0 Path=/srv/disk.img\n";
}

TargetConfig read_target(std::string_view lines) {
  ParsedConfig parsed = parse(target_with(lines));
  EXPECT_TRUE(parsed.good()) << said(parsed);
  return parsed.config.targets.empty() ? TargetConfig{} : parsed.config.targets.front();
}

TEST(Parser, TheDefaultsOfATargetPerform) {
  const TargetConfig target = read_target("");
  EXPECT_FALSE(target.offered.initial_r2t);
  EXPECT_TRUE(target.offered.immediate_data);
  EXPECT_EQ(target.offered.our_max_recv_data_segment_length, 262'144u);
  EXPECT_EQ(target.max_xmit_data_segment_length, 262'144u);
  EXPECT_EQ(target.offered.max_burst_length, 1'048'576u);
  EXPECT_EQ(target.offered.first_burst_length, 262'144u);
  EXPECT_EQ(target.offered.max_outstanding_r2t, 8u);
  EXPECT_EQ(target.offered.default_time2wait, 2u);
  EXPECT_EQ(target.offered.default_time2retain, 0u);
  EXPECT_EQ(target.queued_commands, 128u);
  EXPECT_EQ(target.max_sessions, 0u);
  EXPECT_EQ(target.nop_interval, 0u);
}

struct ValueCase {
  const char* sentence;
  const char* line;
  std::int64_t (*value)(const TargetConfig&);
  std::int64_t expected;
};

#define FIELD(member) [](const TargetConfig& target) -> std::int64_t { return target.member; }

const ValueCase value_cases[] = {
    {"InitialR2T is taken", "InitialR2T Yes", FIELD(offered.initial_r2t), 1},
    {"ImmediateData is taken", "ImmediateData No", FIELD(offered.immediate_data), 0},
    {"directives have no case", "iMMEDIATEdATA No", FIELD(offered.immediate_data), 0},
    {"the segment that we take", "MaxRecvDataSegmentLength 8192",
     FIELD(offered.our_max_recv_data_segment_length), 8192},
    {"the segment that we send", "MaxXmitDataSegmentLength 16777215",
     FIELD(max_xmit_data_segment_length), 16'777'215},
    {"the burst", "MaxBurstLength 16776192", FIELD(offered.max_burst_length), 16'776'192},
    {"the least burst", "MaxBurstLength 512", FIELD(offered.max_burst_length), 512},
    {"a default first burst follows a smaller burst", "MaxBurstLength 65536",
     FIELD(offered.first_burst_length), 65'536},
    {"a default burst follows a larger first burst", "FirstBurstLength 2097152",
     FIELD(offered.max_burst_length), 2'097'152},
    {"a first burst as large as the burst", "FirstBurstLength 4096\nMaxBurstLength 4096",
     FIELD(offered.first_burst_length), 4096},
    {"R2Ts at once", "MaxOutstandingR2T 65535", FIELD(offered.max_outstanding_r2t), 65'535},
    {"time to wait", "DefaultTime2Wait 3600", FIELD(offered.default_time2wait), 3600},
    {"time to retain is forced", "DefaultTime2Retain 20", FIELD(offered.default_time2retain), 0},
    {"one connection is what there is", "MaxConnections 1", FIELD(offered.max_connections), 1},
    {"no recovery is what there is", "ErrorRecoveryLevel 0", FIELD(offered.error_recovery_level),
     0},
    {"the command window", "QueuedCommands 256", FIELD(queued_commands), 256},
    {"sessions", "MaxSessions 4", FIELD(max_sessions), 4},
    {"pings", "NOPInterval 90", FIELD(nop_interval), 90},
    {"a ping's answer may take until the next by default", "NOPInterval 30", FIELD(nop_timeout),
     30},
    {"a ping's answer may take", "NOPInterval 30\nNOPTimeout 5", FIELD(nop_timeout), 5},
    {"a ping's zero timeout is the default", "NOPTimeout 0\nNOPInterval 9", FIELD(nop_timeout), 9},
    {"hexadecimal", "QueuedCommands 0x20", FIELD(queued_commands), 32},
    {"octal", "QueuedCommands 010", FIELD(queued_commands), 8},
    {"a plus sign", "QueuedCommands +5", FIELD(queued_commands), 5},
    {"a comment after a value", "QueuedCommands 7 # was 8", FIELD(queued_commands), 7},
    {"a value on the next line", "QueuedCommands \\\n  9", FIELD(queued_commands), 9},
    {"blanks before and after", " \t QueuedCommands \t 6 \t ", FIELD(queued_commands), 6},
};

TEST(Parser, TakesEverySessionKey) {
  for (const ValueCase& tried : value_cases)
    EXPECT_EQ(tried.value(read_target(tried.line)), tried.expected)
        << tried.sentence << ": " << tried.line;
}

struct MessageCase {
  const char* sentence;
  const char* line;     // line 2 of a stanza
  const char* message;  // what line 2 is told, and nothing else is
};

const MessageCase error_cases[] = {
    {"below the range", "MaxBurstLength 511",
     "MaxBurstLength is \"511\"; 512 to 16777215 is accepted"},
    {"above the range", "QueuedCommands 1000", "QueuedCommands is \"1000\"; 1 to 256 is accepted"},
    {"negative", "NOPInterval -1", "NOPInterval is \"-1\"; 0 to 90 is accepted"},
    {"larger than any integer", "MaxSessions 99999999999999999999",
     "MaxSessions is \"99999999999999999999\"; 0 to 2147483647 is accepted"},
    {"no number", "DefaultTime2Wait soon", "DefaultTime2Wait is \"soon\"; 0 to 3600 is accepted"},
    {"a unit", "MaxBurstLength 256k", "MaxBurstLength is \"256k\"; 512 to 16777215 is accepted"},
    {"not octal", "QueuedCommands 09", "QueuedCommands is \"09\"; 1 to 256 is accepted"},
    {"half a hexadecimal", "QueuedCommands 0x", "QueuedCommands is \"0x\"; 1 to 256 is accepted"},
    {"an empty value", "QueuedCommands \"\"", "QueuedCommands is \"\"; 1 to 256 is accepted"},
    {"no value", "QueuedCommands", "QueuedCommands needs a value"},
    {"a comment instead of a value", "QueuedCommands # 5", "QueuedCommands needs a value"},
    {"two values", "QueuedCommands 5 6", "QueuedCommands takes one value; \"6\" is too much"},
    {"yes in lower case, which IET read as no answer", "InitialR2T yes",
     "InitialR2T is \"yes\"; Yes or No is accepted"},
    {"misspelt", "MaxBurstLenght 4096",
     "\"MaxBurstLenght\" is no directive; did you mean MaxBurstLength?"},
    {"misspelt by case and a letter", "imediatedata Yes",
     "\"imediatedata\" is no directive; did you mean ImmediateData?"},
    {"nothing like it", "Frobnicate 1", "\"Frobnicate\" is no directive"},
    {"twice", "NOPInterval 5\nNOPInterval 5", "NOPInterval is given twice; the first is in line 2"},
    {"contradictory bursts", "FirstBurstLength 8192\nMaxBurstLength 4096",
     "FirstBurstLength 8192 exceeds MaxBurstLength 4096"},
    {"contradictory pings", "NOPTimeout 10\nNOPInterval 5", "NOPTimeout 10 exceeds NOPInterval 5"},
    {"more connections", "MaxConnections 17",
     "MaxConnections 17 cannot be had; up to 16 is accepted"},
    {"more recovery", "ErrorRecoveryLevel 1",
     "ErrorRecoveryLevel 1 cannot be had; only 0 is accepted"},
    {"recovery that there is not", "ErrorRecoveryLevel 3",
     "ErrorRecoveryLevel is \"3\"; 0 to 2 is accepted"},
    {"disorder", "DataPDUInOrder No",
     "DataPDUInOrder No cannot be had: data is served in order only"},
    {"disorder of sequences", "DataSequenceInOrder No",
     "DataSequenceInOrder No cannot be had: data is served in order only"},
    {"markers", "OFMarker Yes", "OFMarker Yes cannot be had: RFC 7143 has no markers"},
    {"a tape", "Type 1", "Type is \"1\"; only 0 is accepted"},
    {"a digest in the wrong case", "DataDigest crc32c,None",
     "DataDigest is \"crc32c,None\"; None, CRC32C or a list of both is accepted"},
    {"an empty digest", "DataDigest None,",
     "DataDigest is \"None,\"; None, CRC32C or a list of both is accepted"},
    {"a user without a secret", "IncomingUser joe",
     "IncomingUser needs a name and a secret, as in: IncomingUser alice \"a secret of 16 b\""},
    {"a secret too short", "IncomingUser joe secret",
     "IncomingUser \"joe\": the secret has 6 bytes; 12 to 255 are accepted"},
    {"a user without a name", "OutgoingUser \"\" secretsecret",
     "OutgoingUser: the name is \"\"; 1 to 255 bytes are accepted"},
    {"a user twice", "IncomingUser joe secretsecret\nIncomingUser joe anothersecret",
     "IncomingUser \"joe\" is given twice; the first is in line 2"},
    {"two outgoing users",
     "OutgoingUser joe secretsecret\nOutgoingUser jim anothersecret\nIncomingUser a twelve-bytes",
     "OutgoingUser is given twice; the first is in line 2"},
    {"the same secret both ways", "IncomingUser joe secretsecret\nOutgoingUser disk secretsecret",
     "OutgoingUser \"disk\" has the secret of IncomingUser \"joe\" (line 2); each end needs its own"},
    {"iSNS", "iSNSServer 192.0.2.1",
     "iSNSServer cannot be had: there is no iSNS here; `isnsadm --register` of open-isns-utils can register a target "
     "by hand"},
    {"iSNS's access control", "iSNSAccessControl Yes",
     "iSNSAccessControl Yes cannot be had: there is no iSNS here; say in initiators.allow who may log in"},
    {"an alias of nothing", "Alias \"\"", "Alias is \"\"; 1 to 255 bytes of UTF-8 are accepted"},
    {"an alias in another encoding", "Alias caf\xe9",
     "Alias is \"caf\\xe9\"; 1 to 255 bytes of UTF-8 are accepted"},
};

TEST(Parser, RefusesWhatIsWrongAndSaysWhatIsRight) {
  for (const MessageCase& tried : error_cases) {
    const ParsedConfig parsed = parse(target_with(tried.line));
    EXPECT_FALSE(parsed.good()) << tried.sentence;
    ASSERT_EQ(parsed.diagnostics.size(), 1u) << tried.sentence << "\n" << said(parsed);
    EXPECT_EQ(parsed.diagnostics[0].message, tried.message) << tried.sentence;
    const std::string_view words = tried.message;
    const bool second_of_two = words.find("in line 2") != words.npos || words.find("(line 2)") != words.npos;
    EXPECT_EQ(parsed.diagnostics[0].line, second_of_two ? 3 : 2) << tried.sentence;
  }
}

const MessageCase note_cases[] = {
    {"threads", "Wthreads 8", "Wthreads has no effect: there are no worker threads to count"},
    {"the type that all are", "Type 0", "Type has no effect: every target is a disk"},
    {"marker intervals", "OFMarkInt 2048", "OFMarkInt has no effect: RFC 7143 has no markers"},
    {"retaining", "DefaultTime2Retain 20",
     "DefaultTime2Retain has no effect: a session ends with its connection"},
    {"octal", "QueuedCommands 010", "010 means 8: a leading 0 is octal"},
    {"a timeout of no pings", "NOPTimeout 5", "NOPTimeout has no effect without NOPInterval"},
};

TEST(Parser, NotesWhatHasNoEffect) {
  for (const MessageCase& tried : note_cases) {
    const ParsedConfig parsed = parse(target_with(tried.line));
    EXPECT_TRUE(parsed.good()) << tried.sentence << "\n" << said(parsed);
    ASSERT_EQ(parsed.diagnostics.size(), 1u) << tried.sentence << "\n" << said(parsed);
    EXPECT_EQ(parsed.diagnostics[0].severity, Diagnostic::Severity::note) << tried.sentence;
    EXPECT_EQ(parsed.diagnostics[0].message, tried.message) << tried.sentence;
  }
}

TEST(Parser, TakesWhatIetForcedWithoutAWord) {
  for (const char* line : {"DataPDUInOrder Yes", "DataSequenceInOrder Yes", "IFMarker No",
                           "HeaderDigest None", "DataDigest None", "MaxConnections 1"}) {
    const ParsedConfig parsed = parse(target_with(line));
    EXPECT_EQ(said(parsed), "") << line;
  }
}

LunConfig read_lun(const std::string& line) {
  const ParsedConfig parsed = parse("Target iqn.2026-11.example:disk\n" + line + "\n");
  EXPECT_EQ(said(parsed), "") << line;
  if (parsed.config.targets.empty() || parsed.config.targets[0].luns.empty()) return {};
  return parsed.config.targets[0].luns[0];
}

TEST(Parser, ReadsAFileLun) {
  const LunConfig lun = read_lun(
      "Lun 16383 path=/srv/a.img,TYPE=fileio,iomode=wb,BlockSize=0x1000,ScsiId=disk-a,"
      "ScsiSN=\"SN 1\"");
  EXPECT_EQ(lun.number, 16'383u);
  EXPECT_EQ(lun.type, LunType::fileio);
  EXPECT_EQ(lun.mode, IoMode::write_back);
  EXPECT_EQ(lun.path, "/srv/a.img");
  EXPECT_EQ(lun.block_bytes, 4096u);
  EXPECT_EQ(lun.scsi_id, "disk-a");
  EXPECT_EQ(lun.scsi_sn, "SN 1");
  EXPECT_EQ(lun.line, 2);
}

TEST(Parser, ReadsABlockLun) {
  const LunConfig lun = read_lun("Lun 007 Type=blockio,Path=/dev/vg/lv,IOMode=ro");
  EXPECT_EQ(lun.number, 7u) << "the number of a Lun is decimal";
  EXPECT_EQ(lun.type, LunType::blockio);
  EXPECT_EQ(lun.mode, IoMode::read_only);
  EXPECT_EQ(lun.path, "/dev/vg/lv");
  EXPECT_FALSE(lun.block_bytes);
}

TEST(Parser, ReadsANullLun) {
  for (const char* line :
       {"Lun 1 Type=nullio,Blocks=2097152", "Lun 1 Sectors=0x200000,Type=nullio"}) {
    const LunConfig lun = read_lun(line);
    EXPECT_EQ(lun.type, LunType::nullio);
    EXPECT_EQ(lun.blocks, 2'097'152u);
    EXPECT_EQ(lun.path, "");
  }
  EXPECT_FALSE(read_lun("Lun 1 Type=nullio").blocks);
}

TEST(Parser, AFileLunNeedsNoMoreThanAPath) {
  const LunConfig lun = read_lun("Lun 0 Path=/srv/a.img");
  EXPECT_EQ(lun.type, LunType::fileio);
  EXPECT_EQ(lun.mode, IoMode::write_through);
}

struct PathCase {
  const char* sentence;
  const char* line;
  const char* path;
};

const PathCase path_cases[] = {
    {"absolute", "Lun 0 Path=/a/b", "/a/b"},
    {"relative to the file's folder", "Lun 0 Path=a.img", "/etc/iet/a.img"},
    {"relative upwards", "Lun 0 Path=../a.img", "/etc/iet/../a.img"},
    {"a blank in quotes", "Lun 0 Path=\"/a b/c\"", "/a b/c"},
    {"a comma in quotes", "Lun 0 Path=\"/a,b\",IOMode=ro", "/a,b"},
    {"the whole option in quotes", "Lun 0 \"Path=/a b\"", "/a b"},
    {"quotes in quotes", "Lun 0 Path=\"/a\\\"b\\\\c\"", "/a\"b\\c"},
    {"a # within", "Lun 0 Path=/a#1", "/a#1"},
    {"a # in quotes", "Lun 0 Path=\"/a #1\"", "/a #1"},
    {"a = within", "Lun 0 Path=/a=b", "/a=b"},
    {"a backslash within", "Lun 0 Path=/a\\b", "/a\\b"},
    {"a trailing comment", "Lun 0 Path=/a # the first", "/a"},
    {"a comma at the end, as IET took it", "Lun 0 Path=/a,", "/a"},
    {"two commas, as IET took it", "Lun 0 Path=/a,,Type=fileio", "/a"},
    {"a blank after the comma", "Lun 0 Path=/a, Type=fileio", "/a"},
    {"a continuation within a word", "Lun 0 Path=/a/\\\nb", "/a/b"},
    {"a continuation after the comma", "Lun 0 Type=fileio,\\\n\tPath=/a", "/a"},
    {"bytes that are no UTF-8", "Lun 0 Path=/\xff\xfe", "/\xff\xfe"},
};

TEST(Parser, ReadsPathsAsTheyAreWritten) {
  for (const PathCase& tried : path_cases)
    EXPECT_EQ(read_lun(tried.line).path, tried.path) << tried.sentence;
}

const MessageCase lun_error_cases[] = {
    {"no number", "Lun", "Lun needs a number and options, as in: Lun 0 Path=/srv/disk.img"},
    {"no option", "Lun 0", "Path= is missing"},
    {"too high", "Lun 16384 Path=/a",
     "the number of a Lun is \"16384\"; 0 to 16383, in decimal, is accepted"},
    {"hexadecimal", "Lun 0x1 Path=/a",
     "the number of a Lun is \"0x1\"; 0 to 16383, in decimal, is accepted"},
    {"negative", "Lun -1 Path=/a",
     "the number of a Lun is \"-1\"; 0 to 16383, in decimal, is accepted"},
    {"forgotten", "Lun Path=/a",
     "the number of a Lun is \"Path=/a\"; 0 to 16383, in decimal, is accepted"},
    {"misspelt", "Lun 0 Path=/a,IOMod=wt", "\"IOMod\" is no option of Lun; did you mean IOMode?"},
    {"unknown", "Lun 0 Path=/a,Colour=red", "\"Colour\" is no option of Lun"},
    {"a directive as an option", "Lun 0 Path=/a,QueuedCommands=3",
     "\"QueuedCommands\" is no option of Lun"},
    {"no value", "Lun 0 Path=/a,IOMode=", "IOMode= needs a value"},
    {"no equals sign", "Lun 0 Path=/a,IOMode", "IOMode= needs a value"},
    {"twice", "Lun 0 Path=/a,path=/b", "Path= is given twice"},
    {"twice by its alias", "Lun 0 Type=nullio,Blocks=1,Sectors=1", "Sectors= is given twice"},
    {"an unknown type", "Lun 0 Path=/a,Type=tape",
     "Type= is \"tape\"; fileio, blockio, nullio, memory are accepted"},
    {"a memory without a size", "Lun 0 Type=memory", "Size= is missing"},
    {"a size that is none", "Lun 0 Type=memory,Size=1X",
     "Size= is \"1X\"; a number of bytes from 4096 on is accepted, as in 64M"},
    {"a size of a file", "Lun 0 Path=/a,Size=1M", "Size= is for Type=memory only"},
    {"thin or not", "Lun 0 Path=/a,Thin=maybe", "Thin= is \"maybe\"; yes, no are accepted"},
    {"thin alone", "Lun 0 Path=/a,Thin", "Thin= needs a value"},
    {"a short name of the world", "Lun 0 Path=/a,Wwn=5000",
     "Wwn= is \"5000\"; 16 hexadecimal digits that begin with 5 or 3 are accepted"},
    {"an odd physical block", "Lun 0 Path=/a,PhysicalBlockSize=1000",
     "PhysicalBlockSize= is \"1000\"; a power of two from 512 to 1M is accepted"},
    {"a large transfer", "Lun 0 Path=/a,MaxTransfer=8M",
     "MaxTransfer= is \"8M\"; 64K to 4M, a multiple of 4K, is accepted"},
    {"a long vendor", "Lun 0 Path=/a,Vendor=123456789",
     "Vendor= has 9 characters; 1 to 8 are accepted"},
    {"a type in the wrong case", "Lun 0 Path=/a,Type=FileIO",
     "Type= is \"FileIO\"; fileio, blockio, nullio, memory are accepted"},
    {"an unknown mode", "Lun 0 Path=/a,IOMode=rw", "IOMode= is \"rw\"; wt, wb, ro, direct are accepted"},
    {"an odd block", "Lun 0 Path=/a,BlockSize=1000",
     "BlockSize= is \"1000\"; 512, 1024, 2048 and 4096 are accepted"},
    {"no blocks", "Lun 0 Type=nullio,Blocks=0",
     "Blocks= is \"0\"; 1 to 2251799813685247 is accepted"},
    {"too many blocks", "Lun 0 Type=nullio,Blocks=2251799813685248",
     "Blocks= is \"2251799813685248\"; 1 to 2251799813685247 is accepted"},
    {"blocks of a file", "Lun 0 Path=/a,Blocks=8", "Blocks= (or Sectors=) is for Type=nullio only"},
    {"a path to nothing", "Lun 0 Type=nullio,Path=/a", "Path= has no meaning with Type=nullio"},
    {"a mode of nothing", "Lun 0 Type=nullio,IOMode=wt", "IOMode= has no meaning with Type=nullio"},
    {"a device without a path", "Lun 0 Type=blockio", "Path= is missing"},
    {"a long ScsiId", "Lun 0 Path=/a,ScsiId=12345678901234567",
     "ScsiId= has 17 characters; 1 to 16 are accepted"},
    {"a long ScsiSN", "Lun 0 Path=/a,ScsiSN=123456789012345678901234567890123",
     "ScsiSN= has 33 characters; 1 to 32 are accepted"},
    {"an unprintable ScsiSN", "Lun 0 Path=/a,ScsiSN=\x01", "ScsiSN= may hold printable ASCII only"},
    {"a ScsiId with an umlaut", "Lun 0 Path=/a,ScsiId=\xc3\xbc",
     "ScsiId= may hold printable ASCII only"},
    {"no comma", "Lun 0 Path=/a Type=fileio", "a comma is missing before \"Type=fileio\""},
};

TEST(Parser, RefusesWrongLunLines) {
  for (const MessageCase& tried : lun_error_cases) {
    const ParsedConfig parsed =
        parse("Target iqn.2026-11.example:disk\n" + std::string(tried.line) + "\nLun 5 Path=/ok\n");
    EXPECT_FALSE(parsed.good()) << tried.sentence;
    ASSERT_EQ(parsed.diagnostics.size(), 1u) << tried.sentence << "\n" << said(parsed);
    EXPECT_EQ(parsed.diagnostics[0].message, tried.message) << tried.sentence;
    EXPECT_EQ(parsed.diagnostics[0].line, 2) << tried.sentence;
  }
}

TEST(Parser, ALongPathIsRefused) {
  const ParsedConfig parsed =
      parse("Target iqn.2026-11.example:disk\nLun 0 Path=/" + std::string(5000, 'a') + "\n");
  EXPECT_NE(said(parsed).find("t.conf:2: error: Path= is longer than 4095 bytes"),
            std::string::npos)
      << said(parsed);
}

TEST(Parser, TargetsComeInTheOrderOfTheFile) {
  const ParsedConfig parsed = parse(
      "# two targets\n"
      "Target iqn.2026-11.example:b\n"
      "\tAlias \"the second letter\"\n"
      "\tLun 3 Path=/b3\n"
      "\tLun 1 Path=/b1\n"
      "\n"
      "Target iqn.2026-11.example:a\n"
      "\tLun 0 Type=nullio\n");
  ASSERT_TRUE(parsed.good()) << said(parsed);
  ASSERT_EQ(parsed.config.targets.size(), 2u);
  EXPECT_EQ(parsed.config.file, "t.conf");
  EXPECT_EQ(parsed.config.targets[0].name, "iqn.2026-11.example:b");
  EXPECT_EQ(parsed.config.targets[0].alias, "the second letter");
  EXPECT_EQ(parsed.config.targets[0].line, 2);
  ASSERT_EQ(parsed.config.targets[0].luns.size(), 2u);
  EXPECT_EQ(parsed.config.targets[0].luns[0].number, 3u);
  EXPECT_EQ(parsed.config.targets[0].luns[1].number, 1u);
  EXPECT_EQ(parsed.config.targets[1].name, "iqn.2026-11.example:a");
}

TEST(Parser, NamesEveryWrongLineInOneGo) {
  const ParsedConfig parsed = parse(
      "QueuedCommands 5\n"
      "Target wrong-name\n"
      "NOPInterval 91\n"
      "Lun 0 Path=/a\n"
      "Target iqn.2026-11.example:Disk\n"
      "Lun 0 Path=/a\n"
      "Lun 0 Path=/b\n"
      "Target iqn.2026-11.example:disk\n"
      "IncomingUser a \"a secret\"\n"
      "Lun 1 \\\n"
      "  Path=/c,\\\n"
      "  IOMode=xx\n"
      "Target\n"
      "Targt iqn.2026-11.example:x\n");
  EXPECT_EQ(
      said(parsed),
      "t.conf:1: error: QueuedCommands belongs to a target; put it after a Target line\n"
      "t.conf:2: error: Target \"wrong-name\" is no iSCSI name: a name begins with \"iqn.\", "
      "\"eui.\" or \"naa.\"\n"
      "t.conf:3: error: NOPInterval is \"91\"; 0 to 90 is accepted\n"
      "t.conf:5: warning: Target \"iqn.2026-11.example:Disk\": iSCSI names are in lower case; "
      "\"iqn.2026-11.example:disk\" is served\n"
      "t.conf:7: error: Lun 0 is given twice; the first is in line 6\n"
      "t.conf:8: warning: Target iqn.2026-11.example:disk has no Lun\n"
      "t.conf:8: error: Target iqn.2026-11.example:disk is given twice; the first is in line 5\n"
      "t.conf:9: error: IncomingUser \"a\": the secret has 8 bytes; 12 to 255 are accepted\n"
      "t.conf:12: error: IOMode= is \"xx\"; wt, wb, ro, direct are accepted\n"
      "t.conf:13: error: Target needs one name, as in: Target iqn.2026-11.example:disk\n"
      "t.conf:14: error: \"Targt\" is no directive; did you mean Target?\n");
}

TEST(Parser, UsersBelongToDiscoveryBeforeTheFirstTargetAndToATargetAfterIt) {
  const ParsedConfig parsed = parse(
      "IncomingUser scout \"the scout's secret\"\n"
      "OutgoingUser house the-house-secret\n"
      "Target iqn.2026-11.example:a\n"
      "Lun 0 Path=/a\n"
      "IncomingUser alice alices-own-secret # hers\n"
      "incominguser Alice another-secret-of-hers\n"
      "OutgoingUser disk the-disks-secret\n"
      "Target iqn.2026-11.example:b\n"
      "Lun 0 Path=/b\n");
  EXPECT_EQ(said(parsed), "");
  const Accounts& discovery = parsed.config.discovery_accounts;
  ASSERT_EQ(discovery.incoming.size(), 1u);
  EXPECT_EQ(discovery.incoming[0].name, "scout");
  EXPECT_EQ(discovery.incoming[0].secret, "the scout's secret");
  ASSERT_TRUE(discovery.outgoing);
  EXPECT_EQ(discovery.outgoing->secret, "the-house-secret");
  const Accounts& first = parsed.config.targets.at(0).accounts;
  ASSERT_EQ(first.incoming.size(), 2u);
  EXPECT_EQ(first.incoming[1].name, "Alice") << "names are told apart by case";
  EXPECT_EQ(first.outgoing->name, "disk");
  EXPECT_TRUE(parsed.config.targets.at(1).accounts.incoming.empty());
}

TEST(Parser, DigestsAreWhatALineNames) {
  const ParsedConfig parsed = parse(
      "Target iqn.2026-11.example:a\nLun 0 Path=/a\n"
      "Target iqn.2026-11.example:b\nLun 0 Path=/a\nHeaderDigest CRC32C\nDataDigest None\n"
      "Target iqn.2026-11.example:c\nLun 0 Path=/a\nheaderdigest None,CRC32C\n");
  EXPECT_EQ(said(parsed), "");
  EXPECT_STREQ(parsed.config.targets.at(0).header_digest.list(), "CRC32C,None") << "by default the initiator chooses";
  EXPECT_STREQ(parsed.config.targets[0].data_digest.list(), "CRC32C,None");
  EXPECT_STREQ(parsed.config.targets.at(1).header_digest.list(), "CRC32C");
  EXPECT_STREQ(parsed.config.targets[1].data_digest.list(), "None");
  EXPECT_STREQ(parsed.config.targets.at(2).header_digest.list(), "CRC32C,None");
}

TEST(Parser, AnOutgoingUserAloneIsWarnedOf) {
  const ParsedConfig parsed = parse(target_with("OutgoingUser disk the-disks-secret"));
  EXPECT_TRUE(parsed.good());
  EXPECT_NE(said(parsed).find("warning: OutgoingUser has no effect"), std::string::npos) << said(parsed);
}

TEST(Parser, IsnsIsRefusedBeforeTargetsToo) {
  for (const char* line :
       {"iSNSServer h", "iSNSAccessControl Yes"}) {
    const ParsedConfig parsed = parse(std::string(line) + "\n" + target_with(""));
    EXPECT_FALSE(parsed.good()) << line;
    EXPECT_NE(said(parsed).find("t.conf:1: error: "), std::string::npos) << said(parsed);
    EXPECT_NE(said(parsed).find("there is no iSNS here"), std::string::npos) << said(parsed);
  }
}

TEST(Parser, TheLastLineNeedsNoNewline) {
  const ParsedConfig parsed = parse("Target iqn.2026-11.example:a\nLun 0 Path=/a\nMaxSessions 3");
  EXPECT_EQ(said(parsed), "");
  EXPECT_EQ(parsed.config.targets.at(0).max_sessions, 3u);
}

TEST(Parser, LinesMayEndAsOnWindows) {
  const ParsedConfig parsed = parse(
      "Target iqn.2026-11.example:a\r\n\r\n# c\r\nLun 0 Type=nullio,\\\r\n  "
      "Blocks=8\r\nMaxSessions 3\r\n");
  EXPECT_EQ(said(parsed), "");
  EXPECT_EQ(parsed.config.targets.at(0).luns.at(0).blocks, 8u);
  EXPECT_EQ(parsed.config.targets.at(0).max_sessions, 3u);
}

TEST(Parser, NothingToServeIsAWarning) {
  for (const char* text : {"", "\n", "# only a comment", "\\"}) {
    const ParsedConfig parsed = parse(text);
    EXPECT_TRUE(parsed.good());
    EXPECT_EQ(said(parsed), "t.conf: warning: there is no Target, so nothing is served\n") << text;
  }
}

TEST(Parser, WhatItSaysIsBounded) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "x\n";
  const ParsedConfig parsed = parse(text);
  ASSERT_EQ(parsed.diagnostics.size(), Diagnostics::shown_max + 1);
  EXPECT_EQ(parsed.diagnostics.back().to_string(),
            "t.conf: error: 4000 more problems are not shown");
}

/// Bytes that look enough like an ietd.conf to get beyond the first check.
std::string scramble(std::mt19937& random) {
  static const std::string pieces[] = {
      "Target ",
      "iqn.2026-11.example:a",
      "Lun ",
      "0 ",
      "1 ",
      "Path=",
      "/a",
      ",",
      "Type=",
      "nullio",
      "fileio",
      "IOMode",
      "=",
      "BlockSize=",
      "\n",
      "\n",
      "\n",
      "\\\n",
      "\r\n",
      "\"",
      "#",
      " ",
      "\t",
      "\\",
      "Yes",
      "No",
      "None",
      "0x",
      "999",
      "QueuedCommands ",
      "Alias ",
      "MaxBurstLength ",
      "FirstBurstLength ",
      "HeaderDigest ",
      "ScsiSN=",
      "Blocks=",
      "\xef\xbb\xbf",
  };
  std::string text;
  const int count = static_cast<int>(random() % 60);
  for (int i = 0; i < count; ++i) {
    if (random() % 6 == 0)
      text += static_cast<char>(random());
    else
      text += pieces[random() % std::size(pieces)];
  }
  return text;
}

TEST(Parser, NoBytesMakeItCrash) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 1'500; ++i) {
    const std::string text = scramble(random);
    const ParsedConfig parsed = parse(text);
    const int lines = 1 + static_cast<int>(std::count(text.begin(), text.end(), '\n'));
    for (const Diagnostic& diagnostic : parsed.diagnostics)
      ASSERT_TRUE(diagnostic.line >= 0 && diagnostic.line <= lines) << diagnostic.to_string();
  }
}

}  // namespace
}  // namespace holdfast::target
