#include "initiator/device/nbd_url.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::initiator {
namespace {

std::string complaint(std::string_view text) {
  const Result<NbdUrl> url = NbdUrl::parse(text);
  return url ? "accepted" : url.error().message;
}

void expect_complaint(std::string_view text, std::string_view about, std::string_view form) {
  const std::string said = complaint(text);
  EXPECT_NE(said.find(about), std::string::npos) << text << ": " << said;
  EXPECT_NE(said.find(form), std::string::npos) << text << ": " << said;
}

TEST(NbdUrl, ReadsHostPortAndExport) {
  const Result<NbdUrl> url = NbdUrl::parse("nbd://host.example:10810/some/disk");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->host, "host.example");
  EXPECT_EQ(url->port, 10810);
  EXPECT_EQ(url->export_name, "some/disk");
  EXPECT_EQ(url->to_string(), "nbd://host.example:10810/some/disk");
  EXPECT_EQ(url->to_server(), "nbd://host.example:10810/");
}

TEST(NbdUrl, FillsInWhatMayBeLeftOut) {
  for (const char* text : {"nbd://h", "nbd://h/"}) {
    const Result<NbdUrl> url = NbdUrl::parse(text);
    ASSERT_TRUE(url) << url.error().message;
    EXPECT_EQ(url->port, 10809);
    EXPECT_EQ(url->export_name, "") << "the server's default";
    EXPECT_EQ(url->portal(), "h:10809");
  }
}

TEST(NbdUrl, TakesIpv6InBrackets) {
  const Result<NbdUrl> url = NbdUrl::parse("nbd://[fe80::1]:99/x");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->host, "fe80::1");
  EXPECT_EQ(url->to_string(), "nbd://[fe80::1]:99/x");
}

TEST(NbdUrl, ReadsTlsAndItsParameters) {
  const Result<NbdUrl> url = NbdUrl::parse("nbds://alice@h/disk?tls-psk-file=/etc/my%20keys&tls-certificates=/etc/pki");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->user, "alice");
  EXPECT_EQ(url->tls_psk_file, "/etc/my keys");
  EXPECT_EQ(url->tls_certificates, "/etc/pki");
  EXPECT_EQ(url->to_string(), "nbds://alice@h:10809/disk?tls-certificates=/etc/pki&tls-psk-file=/etc/my%20keys");
}

TEST(NbdUrl, ReadsHowManyConnectionsThereShallBe) {
  const Result<NbdUrl> url = NbdUrl::parse("nbd://h/disk?connections=4");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->connections, 4U);
  EXPECT_EQ(url->to_string(), "nbd://h:10809/disk?connections=4");
  EXPECT_EQ(url->to_server(), "nbd://h:10809/") << "libnbd does not know it";
  for (const char* wrong : {"0", "17", "many", "-1", ""})
    expect_complaint("nbd://h/disk?connections=" + std::string(wrong), "is not a number from 1 to 16", "nbd://host");
  const Result<NbdUrl> secret = NbdUrl::parse("nbds://h/disk?connections=2&tls-psk-file=/k");
  ASSERT_TRUE(secret) << secret.error().message;
  EXPECT_EQ(secret->to_string(), "nbds://h:10809/disk?tls-psk-file=/k&connections=2");
}

TEST(NbdUrl, ReadsUnixDomainSockets) {
  const Result<NbdUrl> url = NbdUrl::parse("nbd+unix:///disk?socket=/run/nbd.sock");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->socket, "/run/nbd.sock");
  EXPECT_EQ(url->export_name, "disk");
  EXPECT_EQ(url->portal(), "/run/nbd.sock");
  EXPECT_EQ(url->to_string(), "nbd+unix:///disk?socket=/run/nbd.sock");
}

TEST(NbdUrl, WhatItWritesItReads) {
  const Result<NbdUrl> url = NbdUrl::parse("nbd://h/a%3Fb%23c%25d e");
  ASSERT_TRUE(url) << url.error().message;
  EXPECT_EQ(url->export_name, "a?b#c%d e");
  const Result<NbdUrl> again = NbdUrl::parse(url->to_string());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->export_name, url->export_name);
}

TEST(NbdUrl, SaysWhichPartIsWrongAndHowItIsWritten) {
  expect_complaint("nbd:/h/disk", "begins with nbd://", "nbd://host[:port][/export]");
  expect_complaint("nbd:///disk", "host is missing", "nbd://host[:port][/export]");
  expect_complaint("nbd://h:port/disk", "'port' is not a number", "nbd://host[:port][/export]");
  expect_complaint("nbd://h:0/disk", "from 1 to 65535", "nbd://host");
  expect_complaint("nbd://fe80::1/disk", "stands in brackets", "nbd://host");
  expect_complaint("nbd://alice@h/disk", "whose scheme is nbds", "nbd://host");
  expect_complaint("nbds://@h/disk", "user before '@' is empty", "nbds://[user@]host");
  expect_complaint("nbd://h/disk?tls-psk-file=/k", "whose scheme is nbds", "nbd://host");
  expect_complaint("nbd://h/disk?socket=/k", "whose scheme is nbd+unix", "nbd://host");
  expect_complaint("nbds://h/disk?tls-psk=/k", "'tls-psk' is no parameter", "tls-psk-file=FILE");
  expect_complaint("nbds://h/disk?tls-psk-file=", "has no value", "tls-psk-file=FILE");
  expect_complaint("nbd+unix:///disk", "socket's path is missing", "?socket=PATH");
  expect_complaint("nbd+unix://h/disk?socket=/s", "no host such as 'h'", "?socket=PATH");
  expect_complaint("nbd://h/a%00b", "zero byte", "nbd://host");
  expect_complaint("nbd://h/" + std::string(5000, 'x'), "4096 are the most", "nbd://host");
}

}  // namespace
}  // namespace holdfast::initiator
