#include "initiator/device/iscsi_url.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::initiator {
namespace {

constexpr const char* iqn = "iqn.2001-04.com.example:storage.disk2";

std::string complaint(std::string_view text) {
  Result<IscsiUrl> url = IscsiUrl::parse(text);
  return url ? "accepted" : url.error().message;
}

TEST(IscsiUrl, ReadsTheWholeForm) {
  const Result<IscsiUrl> url = IscsiUrl::parse(std::string("iscsi://me%secret@host.example:3261/") + iqn + "/7");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->user, "me");
  EXPECT_EQ(url->password, "secret");
  EXPECT_EQ(url->host, "host.example");
  EXPECT_EQ(url->port, 3261);
  EXPECT_EQ(url->target, iqn);
  EXPECT_EQ(url->lun, 7);
}

TEST(IscsiUrl, FillsInWhatMayBeLeftOut) {
  const Result<IscsiUrl> url = IscsiUrl::parse(std::string("iscsi://10.0.0.1/") + iqn + "/0");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->user, "");
  EXPECT_EQ(url->port, 3260);
  EXPECT_EQ(url->lun, 0);
  EXPECT_EQ(url->portal(), "10.0.0.1:3260");
}

TEST(IscsiUrl, TakesIpv6InBrackets) {
  const Result<IscsiUrl> url = IscsiUrl::parse(std::string("iscsi://[fe80::1]:99/") + iqn + "/1");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "fe80::1");
  EXPECT_EQ(url->portal(), "[fe80::1]:99");
  EXPECT_EQ(url->to_string(), std::string("iscsi://[fe80::1]:99/") + iqn + "/1");
}

TEST(IscsiUrl, DecodesColonsInTheTargetsName) {
  const Result<IscsiUrl> url = IscsiUrl::parse("iscsi://h/iqn.2001-04.com.example%3Adisk/1");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->target, "iqn.2001-04.com.example:disk");
}

TEST(IscsiUrl, APasswordMayHaveAtSignsAndPercentSigns) {
  const Result<IscsiUrl> url = IscsiUrl::parse("iscsi://me%p@ss%word@h/iqn.x:y/1");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->user, "me");
  EXPECT_EQ(url->password, "p@ss%word");
  EXPECT_EQ(url->host, "h");
}

TEST(IscsiUrl, OptionsSayWhomTheTargetMustProveToBeAndWhetherHeadersHaveDigests) {
  Result<IscsiUrl> url =
      IscsiUrl::parse("iscsi://me%my?secret@h/iqn.x:y/1?target_user=disk&target_password=a@b?c=d&header_digest=crc32c&echo=3262");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->password, "my?secret");
  EXPECT_EQ(url->target, "iqn.x:y");
  EXPECT_EQ(url->lun, 1);
  EXPECT_EQ(url->target_user, "disk");
  EXPECT_EQ(url->target_password, "a@b?c=d");
  EXPECT_TRUE(url->header_digest);
  EXPECT_EQ(url->echo_port, 3262);
  EXPECT_EQ(url->to_string(), "iscsi://me@h:3260/iqn.x:y/1?target_user=disk&header_digest=crc32c&echo=3262");

  url = IscsiUrl::parse_portal("iscsi://me@h:99?target_user=disk");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->port, 99);
  EXPECT_FALSE(url->complete_password("mine")) << "the target's password is missing";
  EXPECT_TRUE(url->complete_password("mine", "its"));
  EXPECT_EQ(url->target_password, "its");
  url = IscsiUrl::parse("iscsi://h/iqn.x/1?header_digest=none");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->to_string(), "iscsi://h:3260/iqn.x/1");
}

TEST(IscsiUrl, NamesThePartThatIsWrong) {
  const struct {
    const char* url;
    const char* word;
  } cases[] = {
      {"http://h/iqn.x/1", "begins with iscsi://"},
      {"iscsi:/h/iqn.x/1", "begins with iscsi://"},
      {"", "begins with iscsi://"},
      {"iscsi:///iqn.x/1", "host is missing"},
      {"iscsi://:3260/iqn.x/1", "host is missing"},
      {"iscsi://[::1/iqn.x/1", "no ']'"},
      {"iscsi://[::1]x/iqn.x/1", "is no port"},
      {"iscsi://fe80::1/iqn.x/1", "brackets"},
      {"iscsi://a b/iqn.x/1", "is no host"},
      {"iscsi://h:0/iqn.x/1", "port '0'"},
      {"iscsi://h:65536/iqn.x/1", "port '65536'"},
      {"iscsi://h:/iqn.x/1", "port ''"},
      {"iscsi://h:x/iqn.x/1", "port 'x'"},
      {"iscsi://@h/iqn.x/1", "user before '@'"},
      {"iscsi://%pw@h/iqn.x/1", "user before '@'"},
      {"iscsi://me%@h/iqn.x/1", "password after '%'"},
      {"iscsi://h/iqn.x/1?header_digest=md5", "header_digest"},
      {"iscsi://h/iqn.x/1?echo=0", "echo"},
      {"iscsi://h/iqn.x/1?echo=65536", "echo"},
      {"iscsi://h/iqn.x/1?colour=blue", "'colour'"},
      {"iscsi://h/iqn.x/1?target_user=", "'target_user'"},
      {"iscsi://h/iqn.x/1?target_user=disk", "without a user"},
      {"iscsi://me@h/iqn.x/1?target_password=x", "without a target_user"},
      {"iscsi://h", "target's name is missing"},
      {"iscsi://h/", "target's name is missing"},
      {"iscsi://h//1", "target's name is missing"},
      {"iscsi://h/iqn.x", "LUN after 'iqn.x' is missing"},
      {"iscsi://h/iqn.x/", "LUN after 'iqn.x' is missing"},
      {"iscsi://h/iqn.x/one", "LUN 'one'"},
      {"iscsi://h/iqn.x/-1", "LUN '-1'"},
      {"iscsi://h/iqn.x/16384", "LUN '16384'"},
      {"iscsi://h/iqn.x/99999999999999999999", "LUN '9999"},
      {"iscsi://h/iqn.x/y/1", "slash"},
      {"iscsi://h/iqn x/1", "space"},
  };
  for (const auto& one : cases)
    EXPECT_NE(complaint(one.url).find(one.word), std::string::npos) << one.url << ": " << complaint(one.url);
  const std::string endless = "iscsi://h/" + std::string(224, 'x') + "/1";
  EXPECT_NE(complaint(endless).find("224 bytes"), std::string::npos);
}

TEST(IscsiUrl, NeverShowsThePassword) {
  EXPECT_EQ(complaint("iscsi://me%hidden@h:bad/iqn.x/1").find("hidden"), std::string::npos);
  const Result<IscsiUrl> url = IscsiUrl::parse("iscsi://me%hidden@h/iqn.x/1");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->to_string(), "iscsi://me@h:3260/iqn.x/1");
}

TEST(IscsiUrl, TheEnvironmentGivesThePasswordOnlyToAUserWithoutOne) {
  Result<IscsiUrl> url = IscsiUrl::parse("iscsi://me@h/iqn.x/1");
  ASSERT_TRUE(url);
  const Status without = url->complete_password(nullptr);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("HOLDFAST_PASSWORD"), std::string::npos);
  EXPECT_TRUE(url->complete_password("from outside"));
  EXPECT_EQ(url->password, "from outside");
  EXPECT_TRUE(url->complete_password("another"));
  EXPECT_EQ(url->password, "from outside");

  Result<IscsiUrl> nobody = IscsiUrl::parse("iscsi://h/iqn.x/1");
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->complete_password("unused"));
  EXPECT_EQ(nobody->password, "");
}

TEST(IscsiUrl, APasswordThatIsTooLongIsRefused) {
  Result<IscsiUrl> url = IscsiUrl::parse("iscsi://me@h/iqn.x/1");
  ASSERT_TRUE(url);
  EXPECT_FALSE(url->complete_password(std::string(256, 'x').c_str()));
}

TEST(IscsiUrl, APortalHasNoPath) {
  const Result<IscsiUrl> url = IscsiUrl::parse_portal("iscsi://me%pw@h:1");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "h");
  EXPECT_EQ(url->to_string(), "iscsi://me@h:1");
  EXPECT_TRUE(IscsiUrl::parse_portal("iscsi://h/"));
  const Result<IscsiUrl> wrong = IscsiUrl::parse_portal("iscsi://h/iqn.x/1");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("'iqn.x/1' after the portal"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::initiator
