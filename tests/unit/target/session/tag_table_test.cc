#include "target/session/tag_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace holdfast::target {
namespace {

/// The table never looks into a slot, so any addresses will do.
Slot& slot(std::uintptr_t number) {
  static std::vector<std::max_align_t> places(4096);
  return reinterpret_cast<Slot&>(places[number]);
}

TEST(TagTable, AgreesWithAMapOverManySteps) {
  // Goal: removal by moving entries back loses none. Method: random steps beside a std::map, with
  // tags chosen so that many share a home.
  constexpr std::uint32_t seed = 7;
  std::mt19937 random(seed);
  TagTable table(64);
  std::map<std::uint32_t, Slot*> model;
  for (int step = 0; step < 200'000; ++step) {
    const std::uint32_t tag = (random() % 200) << (random() % 3 == 0 ? 24 : 0);
    const auto known = model.find(tag);
    ASSERT_EQ(table.find(tag), known == model.end() ? nullptr : known->second)
        << "tag " << tag << ", step " << step << ", seed " << seed;
    if (known != model.end()) {
      table.erase(tag);
      model.erase(known);
    } else if (model.size() < 64) {
      Slot& one = slot(random() % 4096);
      table.insert(tag, one);
      model.emplace(tag, &one);
    }
    ASSERT_EQ(table.size(), model.size());
  }
}

}  // namespace
}  // namespace holdfast::target
