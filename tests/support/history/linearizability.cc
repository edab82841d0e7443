#include "tests/support/history/linearizability.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <unordered_set>
#include <utility>

#include "tests/support/history/fences.h"

namespace holdfast::testing_support {
namespace {

/// A value in a block as a small number.
using Cell = std::uint32_t;

/// What happens at one moment: some blocks are looked at, and then written.
struct Step {
  std::size_t event = 0;
  std::int64_t invoked = 0;
  std::int64_t answered = 0;
  bool optional = false;  // it may be left out
  bool differs = false;   // the last block that is looked at is not what was expected
  std::uint32_t first = 0;
  std::vector<Cell> seen;
  std::vector<Cell> written;
};

/// The steps of all events, and the blocks and values that they are about.
class Steps {
 public:
  explicit Steps(const History& history) : history_(history) {
    for (std::size_t i = 0; i < history.size(); ++i) add(i);
    std::stable_sort(steps_.begin(), steps_.end(),
                     [](const Step& one, const Step& other) { return one.invoked < other.invoked; });
  }

  std::size_t blocks() const { return together_.size(); }
  std::size_t cells() const { return cells_.size(); }
  Cell untouched(std::uint32_t block) { return cell(block, 0); }
  const History& history() const { return history_; }

  /// The steps of each set of blocks that commands tie together.
  std::vector<std::vector<Step>> by_blocks() {
    std::map<std::uint32_t, std::vector<Step>> sets;
    for (Step& step : steps_) sets[root(step.first)].push_back(std::move(step));
    std::vector<std::vector<Step>> listed;
    for (auto& [block, steps] : sets) listed.push_back(std::move(steps));
    return listed;
  }

 private:
  void add(std::size_t number) {
    const Event& event = history_[number];
    const auto blocks = static_cast<std::uint32_t>(event.values.size());
    grow(event.first + blocks);
    const bool optional = event.result == Event::Result::open;
    Step step{.event = number,
              .invoked = event.invoked,
              .answered = event.answered,
              .optional = optional,
              .first = event.first,
              .seen = {},
              .written = {}};
    if (event.kind == Event::Kind::write) {
      for (std::uint32_t i = 0; i < blocks; ++i) {
        step.first = event.first + i;
        step.written = {cell(step.first, event.values[i])};
        steps_.push_back(step);
      }
      return;
    }
    if (event.kind == Event::Kind::read && optional) return;
    for (std::uint32_t i = 1; i < blocks; ++i) together_[root(event.first + i)] = root(event.first);
    const bool compares = event.kind == Event::Kind::compare_and_write;
    if (event.kind != Event::Kind::write_atomic)
      step.seen = cells_of(event.first, compares ? event.expected : event.values);
    if (event.kind != Event::Kind::read) step.written = cells_of(event.first, event.values);
    if (event.result == Event::Result::miscompare) {
      step.differs = true;
      step.seen.resize(event.differs_at + 1);
      step.written.clear();
    }
    steps_.push_back(std::move(step));
  }

  void grow(std::uint32_t blocks) {
    while (together_.size() < blocks)
      together_.push_back(static_cast<std::uint32_t>(together_.size()));
  }
  std::uint32_t root(std::uint32_t block) {
    while (together_[block] != block) block = together_[block] = together_[together_[block]];
    return block;
  }
  Cell cell(std::uint32_t block, BlockValue value) {
    return cells_.try_emplace({block, value}, static_cast<Cell>(cells_.size())).first->second;
  }
  std::vector<Cell> cells_of(std::uint32_t first, const std::vector<BlockValue>& values) {
    std::vector<Cell> cells;
    for (const BlockValue value : values) cells.push_back(cell(first++, value));
    return cells;
  }

  const History& history_;
  std::vector<Step> steps_;
  std::vector<std::uint32_t> together_;  // the blocks as trees, of those that belong together
  std::map<std::pair<std::uint32_t, BlockValue>, Cell> cells_;
};

/// The search over the steps of one set of blocks. Depth first: `taken_` is the order so far.
class Search {
 public:
  Search(const std::vector<Step>& steps, std::vector<Cell> start, std::size_t cells,
         std::size_t budget)
      : steps_(steps),
        state_(std::move(start)),
        budget_(budget),
        wanted_(cells),
        to_come_(cells),
        next_(steps.size() + 1),
        previous_(steps.size() + 1),
        set_hash_(steps.size()),
        state_hash_(cells) {
    std::mt19937_64 random(1);
    for (std::uint64_t& hash : set_hash_) hash = random();
    for (std::uint64_t& hash : state_hash_) hash = random();
    for (const Step& step : steps_) count(step, 1);
    std::iota(next_.begin(), next_.end() - 1, std::size_t{1});
    next_.back() = 0;
    for (std::size_t i = 0; i < next_.size(); ++i) previous_[next_[i]] = i;
  }

  enum class End : std::uint8_t { found, none, gave_up };
  End run() {
    Choice from{};
    while (next_[0] != 0) {
      if (advance(from)) {
        from = {};
        if (tried_.size() > budget_) return End::gave_up;
        continue;
      }
      if (taken_.empty()) return End::none;
      from = take_back();
    }
    return End::found;
  }

  std::size_t configurations() const { return tried_.size(); }
  /// The step that could not be done where the search came farthest.
  const Step& stuck() const { return steps_[stuck_]; }

 private:
  /// A step, from 1 on, and whether it is done (0 for an optional one: it is left out).
  struct Choice {
    std::size_t step = 0;
    int way = 0;
    auto operator<=>(const Choice&) const = default;
  };
  struct Taken {
    Choice choice;
    std::vector<Cell> before;  // of the blocks that it wrote
  };
  struct Tried {
    std::uint64_t set = 0;
    std::uint64_t state = 0;
    bool operator==(const Tried&) const = default;
  };
  struct HashOfTried {
    std::size_t operator()(const Tried& tried) const { return tried.set ^ (tried.state * 31); }
  };

  /// How often values are still looked for by steps that must be done, and may still be written.
  void count(const Step& step, int change) {
    if (!step.optional && !step.differs)
      for (const Cell cell : step.seen) wanted_[cell] += change;
    for (const Cell cell : step.written) to_come_[cell] += change;
  }

  /// Takes the first step that can be the next one, from `from` on.
  bool advance(Choice from) {
    std::int64_t first_answer = never;
    for (std::size_t i = next_[0]; i != 0; i = next_[i]) {
      const Step& step = steps_[i - 1];
      if (step.invoked > first_answer) break;  // Something ended before it began.
      if (step.answered < first_answer) {
        first_answer = step.answered;
        if (taken_.size() >= farthest_) stuck_ = i - 1;
      }
      for (int way = step.optional ? 0 : 1; way < 2; ++way)
        if (Choice{i, way} >= from && take({i, way})) return true;
    }
    return false;
  }

  bool sees_what_is_there(const Step& step) const {
    for (std::size_t i = 0; i < step.seen.size(); ++i) {
      const bool shall_differ = step.differs && i + 1 == step.seen.size();
      if ((state_[step.first + i] == step.seen[i]) == shall_differ) return false;
    }
    return true;
  }

  /// Whether a value that someone will still find has gone for good.
  bool lost(Cell cell) const { return wanted_[cell] > 0 && to_come_[cell] == 0; }

  bool take(Choice choice) {
    const Step& step = steps_[choice.step - 1];
    if (choice.way == 1 && !sees_what_is_there(step)) return false;
    Taken taken{.choice = choice, .before = {}};
    count(step, -1);
    bool dead_end = false;
    for (std::size_t i = 0; i < step.written.size(); ++i) {
      Cell& held = state_[step.first + i];
      if (choice.way == 1) {
        taken.before.push_back(held);
        put(held, step.written[i]);
        dead_end = dead_end || (taken.before.back() != held && lost(taken.before.back()));
      } else {
        dead_end = dead_end || (held != step.written[i] && lost(step.written[i]));
      }
    }
    set_ ^= set_hash_[choice.step - 1];
    next_[previous_[choice.step]] = next_[choice.step];
    previous_[next_[choice.step]] = previous_[choice.step];
    taken_.push_back(std::move(taken));
    farthest_ = std::max(farthest_, taken_.size());
    if (!dead_end && tried_.insert({set_, state_mix_}).second) return true;
    take_back();
    return false;
  }

  /// Undoes the last step, and returns the choice that comes after it.
  Choice take_back() {
    const Taken taken = std::move(taken_.back());
    taken_.pop_back();
    const std::size_t i = taken.choice.step;
    const Step& step = steps_[i - 1];
    next_[previous_[i]] = i;
    previous_[next_[i]] = i;
    set_ ^= set_hash_[i - 1];
    for (std::size_t j = 0; j < taken.before.size(); ++j) put(state_[step.first + j], taken.before[j]);
    count(step, 1);
    return {i, taken.choice.way + 1};
  }

  void put(Cell& held, Cell cell) {
    state_mix_ ^= state_hash_[held] ^ state_hash_[cell];
    held = cell;
  }

  const std::vector<Step>& steps_;
  std::vector<Cell> state_;  // by block
  const std::size_t budget_;
  std::vector<int> wanted_, to_come_;         // by cell
  std::vector<std::size_t> next_, previous_;  // of the steps that are left; 0 is before and after all
  std::vector<std::uint64_t> set_hash_, state_hash_;
  std::uint64_t set_ = 0, state_mix_ = 0;
  std::vector<Taken> taken_;
  std::unordered_set<Tried, HashOfTried> tried_;
  std::size_t farthest_ = 0;
  std::size_t stuck_ = 0;
};

/// What no order can explain.
std::string plain_nonsense(const History& history) {
  for (const Event& event : history)
    if (event.kind == Event::Kind::read && event.result == Event::Result::good &&
        std::find(event.values.begin(), event.values.end(), torn) != event.values.end())
      return "a torn block: " + to_text(event);
  return {};
}

/// Whether there is an order; the search's words are for `check`.
Verdict search(const History& history, std::size_t configurations_max) {
  Verdict verdict{.linearizable = true, .words = {}};
  Steps steps(history);
  const std::vector<std::vector<Step>> sets = steps.by_blocks();
  std::vector<Cell> start;
  for (std::uint32_t block = 0; block < steps.blocks(); ++block)
    start.push_back(steps.untouched(block));
  for (const std::vector<Step>& set : sets) {
    Search one(set, start, steps.cells(), configurations_max);
    const Search::End end = one.run();
    verdict.configurations += one.configurations();
    if (end == Search::End::found) continue;
    verdict.linearizable = false;
    if (end == Search::End::gave_up) verdict.words = "gave up at: " + to_text(history[one.stuck().event]);
    return verdict;
  }
  return verdict;
}

/// The history as it was known at that moment.
History until(const History& history, std::int64_t moment) {
  History known;
  for (Event event : history) {
    if (event.invoked > moment) continue;
    if (event.answered > moment) {
      event.result = Event::Result::open;
      event.answered = never;
    }
    known.push_back(std::move(event));
  }
  return known;
}

/// The first answer after which there is no order any more.
std::string first_unexplained(const History& history, std::size_t configurations_max) {
  std::vector<const Event*> events;
  for (const Event& event : history) events.push_back(&event);
  std::sort(events.begin(), events.end(),
            [](const Event* one, const Event* other) { return one->answered < other->answered; });
  const auto first = std::partition_point(events.begin(), events.end(), [&](const Event* event) {
    return search(until(history, event->answered), configurations_max).linearizable;
  });
  return first == events.end() ? std::string("all of it") : to_text(**first);
}

}  // namespace

Verdict check(History history, std::size_t configurations_max) {
  Verdict verdict;
  verdict.words = plain_nonsense(history);
  if (verdict.words.empty()) verdict.words = apply_fences(history);
  if (!verdict.words.empty()) return verdict;
  verdict = search(history, configurations_max);
  if (!verdict.linearizable && verdict.words.empty())
    verdict.words = "nothing explains: " + first_unexplained(history, configurations_max);
  return verdict;
}

}  // namespace holdfast::testing_support
