#include "initiator/cli/destination.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::initiator {
namespace {

std::string complaint(std::string_view text) {
  const Result<Destination> destination = Destination::parse(text, nullptr);
  return destination ? "accepted" : destination.error().message;
}

TEST(Destination, IsAnImageOrADiskBehindIscsi) {
  const Result<Destination> image = Destination::parse("file:///srv/a b", nullptr);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->path(), "/srv/a b");
  EXPECT_EQ(image->to_string(), "file:///srv/a b");

  const Result<Destination> disk = Destination::parse("iscsi://me%secret@h/iqn.x:y/1", nullptr);
  ASSERT_TRUE(disk) << disk.error().message;
  EXPECT_EQ(disk->path(), "");
  EXPECT_EQ(disk->to_string(), "iscsi://me@h:3260/iqn.x:y/1") << "never with the password";
}

TEST(Destination, IsAnExportBehindNbd) {
  const Result<Destination> plain = Destination::parse("nbd://h/disk", nullptr);
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_TRUE(plain->is_device());
  EXPECT_EQ(plain->to_string(), "nbd://h:10809/disk");
  EXPECT_TRUE(Destination::parse("nbds://h/disk", nullptr));
  EXPECT_TRUE(Destination::parse("nbd+unix:///disk?socket=/run/nbd", nullptr));
}

TEST(Destination, TakesThePasswordFromOutside) {
  EXPECT_FALSE(Destination::parse("iscsi://me@h/iqn.x:y/1", nullptr));
  EXPECT_TRUE(Destination::parse("iscsi://me@h/iqn.x:y/1", "secret"));
}

TEST(Destination, SaysWhatItWouldTake) {
  EXPECT_NE(complaint("gopher://nowhere").find("iscsi://host"), std::string::npos);
  EXPECT_NE(complaint("/srv/image").find("file:///"), std::string::npos);
  EXPECT_NE(complaint("").find("file:///"), std::string::npos);
  EXPECT_NE(complaint("file://srv/image").find("absolute"), std::string::npos);
  EXPECT_NE(complaint("file://").find("absolute"), std::string::npos);
  EXPECT_NE(complaint("nbd://").find("host is missing"), std::string::npos);
  EXPECT_NE(complaint("iscsi://h").find("target's name is missing"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::initiator
