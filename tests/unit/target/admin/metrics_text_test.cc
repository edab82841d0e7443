#include "target/admin/metrics_text.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

TEST(MetricsText, LabelsAreEscaped) {
  EXPECT_EQ(escaped_label("iqn.2026-11.example:disk"), "iqn.2026-11.example:disk");
  EXPECT_EQ(escaped_label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
}

}  // namespace
}  // namespace holdfast::target
