#include "target/admin/http_request.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace holdfast::target {
namespace {

int status_of(std::string_view head) { return judge_request(head).status; }

TEST(HttpRequest, MetricsAreToBeHad) {
  EXPECT_EQ(status_of("GET /metrics HTTP/1.1\r\nHost: localhost:9100\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /metrics?name[]=x HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET /metrics HTTP/1.1\n\n"), 200) << "some end their lines so";
  EXPECT_TRUE(judge_request("GET /metrics HTTP/1.1\r\n\r\n").has_body);
  EXPECT_FALSE(judge_request("HEAD /metrics HTTP/1.1\r\n\r\n").has_body);
}

TEST(HttpRequest, OtherThingsAreNot) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 404);
  EXPECT_EQ(status_of("GET /metricsx HTTP/1.1\r\n\r\n"), 404);
  EXPECT_EQ(status_of("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), 405);
  EXPECT_EQ(status_of("GET /metrics HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(status_of("GET /metrics\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET http://x/metrics HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET  /metrics HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET /metrics HTTP/1.1\r\nHost:"), 400) << "it is not all there";
  EXPECT_EQ(status_of(std::string(http_head_bytes_max + 1, 'x')), 431);
}

TEST(HttpRequest, GarbageIsJudgedToo) {
  std::mt19937 random(3);
  const std::string some = "GET /metrics HTTP/1.1\r\n\r\n \0\xff:";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    const std::size_t length = random() % 60;
    for (std::size_t j = 0; j < length; ++j) text += some[random() % some.size()];
    const int status = status_of(text);
    EXPECT_TRUE(status == 200 || (status >= 400 && status < 600)) << status;
  }
}

}  // namespace
}  // namespace holdfast::target
