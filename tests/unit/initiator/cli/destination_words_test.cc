#include "initiator/cli/destination_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

namespace holdfast::initiator {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(DestinationWords, ATypoGetsTheNearestScheme) {
  const std::pair<const char*, const char*> typos[] = {
      {"ndb://h/x", "did you mean nbd? Write nbd://host"},
      {"iscs://h/x", "did you mean iscsi?"},
      {"icssi://h/x", "did you mean iscsi?"},
      {"ISCSI://h/iqn.x:y/0", "did you mean iscsi?"},
      {"nsf://h/x", "did you mean nfs?"},
      {"files:///x", "did you mean file?"},
      {"fiel:///x", "did you mean file?"},
      {"dri:///x", "did you mean dir?"},
      {"iscsi:/h/x", "did you mean iscsi? Write iscsi://host"},
      {"nbd:h", "did you mean nbd? Write nbd://host"},
      {"nfs4://h/x", "did you mean nfs?"},
  };
  for (const auto& [text, meant] : typos) {
    const Error error = no_destination(text);
    EXPECT_EQ(error.kind, ErrorKind::invalid_input);
    EXPECT_THAT(error.message, HasSubstr(std::string(text) + " is no destination: " + meant));
  }
}

TEST(DestinationWords, WhatIsLikeNoneGetsThemAll) {
  for (const char* text : {"http://h/x", "smb://h/x", "x", "", ":", "://", "host:3260"})
    EXPECT_THAT(no_destination(text).message,
                testing::AllOf(HasSubstr("iscsi://"), HasSubstr("dir:///path")))
        << text;
  EXPECT_THAT(no_destination(std::string(100'000, 'i') + "://x").message,
              HasSubstr("write one of"));
}

TEST(DestinationWords, PathsAndMountsAreUnderstood) {
  EXPECT_THAT(no_destination("/srv/a").message,
              HasSubstr("write file:///srv/a for an image or a block device, dir:///srv/a"));
  EXPECT_THAT(no_destination("server:/export").message,
              HasSubstr("for NFS write nfs://server/export"));
}

TEST(DestinationWords, APasswordIsNotRepeated) {
  EXPECT_THAT(no_destination("iscs://me%secret@h/x").message, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace holdfast::initiator
