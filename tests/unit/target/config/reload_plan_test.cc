#include "target/config/reload_plan.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "target/config/parser.h"

namespace holdfast::target {
namespace {

const std::string a = "Target iqn.2026-11.example:a\n";
const std::string b = "Target iqn.2026-11.example:b\n";
const std::string lun0 = "Lun 0 Path=/srv/0.img\n";
const std::string lun1 = "Lun 1 Path=/srv/1.img\n";
const std::string joe = "IncomingUser joe secret-of-joe\n";
const std::string jane = "IncomingUser jane secret-of-jane\n";

Config read(const std::string& text) {
  ParsedConfig parsed = parse_config(text, "t.conf", "/srv");
  EXPECT_TRUE(parsed.good()) << text;
  return parsed.config;
}

/// A plan in words.
std::string words(const ReloadPlan& plan) {
  std::string all = plan.discovery_accounts ? "discovery " : "";
  const auto numbers = [&all](const char* what, const std::vector<std::uint32_t>& of) {
    for (std::uint32_t number : of) all += what + std::to_string(number) + " ";
  };
  const auto tail = [](const std::string& name) { return name.substr(name.find(':') + 1); };
  for (const std::string& name : plan.removed) all += "-" + tail(name) + " ";
  for (const std::string& name : plan.added) all += "+" + tail(name) + " ";
  for (const TargetChange& change : plan.changed) {
    all += tail(change.name) + ": " + (change.settings ? "settings " : "") + (change.accounts ? "users " : "");
    numbers("-", change.removed);
    numbers("+", change.added);
    numbers("!", change.replaced);
  }
  return all;
}

struct Case {
  const char* sentence;
  std::string running;
  std::string wanted;
  std::string plan;
};

const Case cases[] = {
    {"the same is nothing to do", a + lun0 + joe, a + lun0 + joe, ""},
    {"nothing to nothing", "", "", ""},
    {"comments, blanks, cases and the order of lines are no difference", a + lun0 + lun1 + "MaxSessions 2\n" + joe,
     "# new\n\n" + a + "  maxsessions 0x2 # two\n" + joe + lun1 + lun0, ""},
    {"the order of targets and users is no difference", a + lun0 + joe + jane + b, b + a + jane + joe + lun0, ""},
    {"a default that is written out is no difference", a + lun0, a + "QueuedCommands 128\nLun 0 Path=0.img,IOMode=wt\n",
     ""},
    {"a target comes", a + lun0, a + lun0 + b + lun1, "+b "},
    {"a target goes", a + lun0 + b + lun1, b + lun1, "-a "},
    {"all go", a + lun0 + b, "", "-a -b "},
    {"a renamed target is another one", a + lun0, b + lun0, "-a +b "},
    {"a Lun comes", a + lun0, a + lun0 + lun1, "a: +1 "},
    {"a Lun goes", a + lun0 + lun1, a + lun1, "a: -0 "},
    {"a Lun with another path is replaced", a + lun0, a + "Lun 0 Path=/srv/1.img\n", "a: !0 "},
    {"a Lun with another mode is replaced", a + lun0, a + "Lun 0 Path=/srv/0.img,IOMode=ro\n", "a: !0 "},
    {"a Lun that moves to another number goes and comes", a + lun0, a + "Lun 1 Path=/srv/0.img\n", "a: -0 +1 "},
    {"a setting changes", a + lun0, a + lun0 + "NOPInterval 5\n", "a: settings "},
    {"an alias changes", a + lun0 + "Alias one\n", a + lun0 + "Alias two\n", "a: settings "},
    {"a user comes", a + lun0, a + lun0 + joe, "a: users "},
    {"a secret changes", a + joe, a + "IncomingUser joe secret-of-jane\n", "a: users "},
    {"who we are changes", a + joe, a + joe + "OutgoingUser us secret-of-ours\n", "a: users "},
    {"a user of discovery is none of a target's", a + lun0, joe + a + lun0, "discovery "},
    {"all at once, and what is not named stays", joe + a + lun0 + b + lun1,
     a + lun1 + "MaxSessions 1\n" + jane + b + lun1 + "Target iqn.2026-11.example:c\n",
     "discovery +c a: settings users -0 +1 "},
};

TEST(ReloadPlan, NamesWhatChangedAndNothingElse) {
  for (const Case& one : cases)
    EXPECT_EQ(words(plan_reload(read(one.running), read(one.wanted))), one.plan) << one.sentence;
}

TEST(ReloadPlan, AThousandLunsAreComparedQuicklyAndOnlyTheChangedOneIsNamed) {
  std::string text = a;
  for (int number = 0; number < 1000; ++number)
    text += "Lun " + std::to_string(number) + " Path=/srv/" + std::to_string(number) + ".img\n";
  std::string changed = text;
  changed.replace(changed.find("/srv/500.img"), 12, "/srv/5xx.img");
  EXPECT_EQ(words(plan_reload(read(text), read(changed))), "a: !500 ");
}

}  // namespace
}  // namespace holdfast::target
