#include "initiator/cli/compare_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace holdfast::initiator {
namespace {

using testing::HasSubstr;

Result<CompareOptions> read(const std::string& line) {
  CLI::App app;
  CompareWords words;
  add_compare(app, words);
  app.parse(line);
  return read_compare_words(words);
}

TEST(CompareWords, WithoutADestinationEveryServerIsOffered) {
  const Result<CompareOptions> options = read("compare /usr/include");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->servers.size(), reference_servers().size());
  EXPECT_TRUE(options->local_limit);
  EXPECT_FALSE(options->servers_asked);
  EXPECT_TRUE(options->verify);
  EXPECT_FALSE(options->cold);
  EXPECT_EQ(options->rounds, 3U);
}

TEST(CompareWords, DestinationsAreUsedAsTheyAre) {
  const Result<CompareOptions> options = read("compare /a file:///b iscsi://127.0.0.1/iqn.2026-11.example:d/0 --no-verify");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->destinations.size(), 2U);
  EXPECT_TRUE(options->servers.empty());
  EXPECT_FALSE(options->local_limit);
  EXPECT_FALSE(options->verify);
}

TEST(CompareWords, ServersArePickedByName) {
  const Result<CompareOptions> options = read("compare /a file:///b --servers nbdkit,local,nbdkit,holdfastd --rounds 7");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(options->servers, testing::ElementsAre(&nbdkit_server, &holdfastd_server));
  EXPECT_TRUE(options->local_limit);
  EXPECT_TRUE(options->servers_asked);
  EXPECT_EQ(options->destinations.size(), 1U);
  EXPECT_EQ(options->rounds, 7U);
}

TEST(CompareWords, AWrongDestinationKeepsItsReasonAndTheOthersStay) {
  const Result<CompareOptions> options = read("compare /a ndb://me:secret@h/x file:///b");
  ASSERT_TRUE(options) << options.error().message;
  ASSERT_EQ(options->destinations.size(), 2U);
  EXPECT_EQ(options->destinations[0].text, "ndb://me@h/x");
  ASSERT_FALSE(options->destinations[0].place);
  EXPECT_THAT(options->destinations[0].place.error().message, HasSubstr("did you mean nbd?"));
  EXPECT_TRUE(options->destinations[1].place);
}

TEST(CompareWords, WhatIsWrongIsNamed) {
  const Result<CompareOptions> server = read("compare /a --servers apache");
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("apache: there are local, holdfastd, nbdkit, nbd-server, ganesha-v4"));
  std::string many = "compare /a";
  for (int i = 0; i < 17; ++i) many += " file:///b";
  const Result<CompareOptions> crowd = read(many);
  ASSERT_FALSE(crowd);
  EXPECT_THAT(crowd.error().message, HasSubstr("16 are the most"));
  EXPECT_THROW(read("compare /a --rounds 0"), CLI::ParseError);
}

}  // namespace
}  // namespace holdfast::initiator
