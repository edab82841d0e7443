#include "initiator/tree/nfs_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(NfsUrl, EveryPartIsReadAndSpelledAgain) {
  const Result<NfsUrl> url =
      NfsUrl::parse("nfs://[::1]/a/b/?version=3&nfsport=1&mountport=2&uid=0&gid=7&requests=1&transfer=8192");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "::1");
  EXPECT_THAT(url->components(), ElementsAre("a", "b"));
  EXPECT_EQ(url->version, 3U);
  EXPECT_EQ(url->uid, 0U);
  EXPECT_EQ(url->to_string(),
            "nfs://[::1]/a/b?version=3&nfsport=1&mountport=2&uid=0&gid=7&requests=1&transfer=8192");
}

TEST(NfsUrl, WhatIsLeftOutIsUsual) {
  const Result<NfsUrl> url = NfsUrl::parse("nfs://server:2050/export");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->version, 4U);
  EXPECT_EQ(url->nfs_port, 2050);
  EXPECT_EQ(url->to_string(), "nfs://server/export?version=4&nfsport=2050");
}

TEST(NfsUrl, EveryMistakeIsNamed) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"nfs://", "the host is missing"},
      {"nfs://server", "the export after the host is missing"},
      {"nfs://server:0/x", "the port '0'"},
      {"nfs://server/x/../y", "'..'"},
      {"nfs://server/x?version=2", "version '2' is not a number from 3 to 4"},
      {"nfs://server/x?requests=", "requests ''"},
      {"nfs://server/x?speed=1", "'speed' after the '?' is none of version"},
  };
  for (const auto& [text, words] : mistakes) {
    const Result<NfsUrl> url = NfsUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::invalid_input);
    EXPECT_THAT(url.error().message, HasSubstr(words));
  }
}

}  // namespace
}  // namespace holdfast::initiator
