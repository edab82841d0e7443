#include "target/config/target_name.h"

#include <gtest/gtest.h>
#include <string>

namespace holdfast::target {
namespace {

TEST(TargetName, TakesWhatRfc7143Allows) {
  for (const char* name :
       {"iqn.2001-04.com.example", "iqn.2001-04.com.example:storage.disk1-a:b",
        "iqn.2026-11.example:\xc3\xbc", "iqn.2026-12.example:", "eui.02004567a425678d",
        "naa.52004567ba64678d", "naa.62004567ba64678d0123456789abcdef"}) {
    const TargetName checked = check_target_name(name);
    EXPECT_EQ(checked.error, "") << name;
    EXPECT_EQ(checked.name, name);
    EXPECT_TRUE(checked.warnings.empty()) << name << ": " << checked.warnings.front();
  }
}

TEST(TargetName, CapitalsAreLoweredWithAWarning) {
  const TargetName checked = check_target_name("IQN.2026-11.Example:Disk");
  EXPECT_EQ(checked.error, "");
  EXPECT_EQ(checked.name, "iqn.2026-11.example:disk");
  EXPECT_EQ(checked.warnings.size(), 1u);
}

TEST(TargetName, AnUnderscoreIsServedWithAWarning) {
  const TargetName checked = check_target_name("iqn.2026-11.example:my_disk");
  EXPECT_EQ(checked.error, "");
  EXPECT_EQ(checked.warnings.size(), 1u);
}

struct BadName {
  const char* sentence;
  std::string name;
};

TEST(TargetName, RefusesWhatIsNoName) {
  const BadName bad[] = {
      {"empty", ""},
      {"another format", "disk1"},
      {"the prefix alone", "iqn."},
      {"no date", "iqn.com.example:disk"},
      {"a short year", "iqn.26-11.example:disk"},
      {"a month that is none", "iqn.2026-13.example:disk"},
      {"month zero", "iqn.2026-00.example:disk"},
      {"no dot after the date", "iqn.2026-11:disk"},
      {"no authority", "iqn.2026-11.:disk"},
      {"an authority that ends in a dot", "iqn.2026-11.example.:disk"},
      {"a blank", "iqn.2026-11.example:a b"},
      {"a slash", "iqn.2026-11.example:a/b"},
      {"a comma, which discovery would cut at", "iqn.2026-11.example:a,1"},
      {"bytes that are no UTF-8", "iqn.2026-11.example:\xff"},
      {"a cut UTF-8 character", "iqn.2026-11.example:\xc3"},
      {"an EUI of 15 digits", "eui.02004567a425678"},
      {"an EUI with a g", "eui.02004567a425678g"},
      {"an NAA of 17 digits", "naa.52004567ba64678d0"},
      {"224 bytes", "iqn.2026-11.example:" + std::string(204, 'a')},
  };
  for (const BadName& tried : bad)
    EXPECT_NE(check_target_name(tried.name).error, "") << tried.sentence << ": " << tried.name;
  EXPECT_EQ(check_target_name("iqn.2026-11.example:" + std::string(203, 'a')).error, "");
}

}  // namespace
}  // namespace holdfast::target
