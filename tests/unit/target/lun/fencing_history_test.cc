// Hosts write, register and fence one another off, all at once, and everything is written down. Then
// the history is judged by what fencing promises: once PREEMPT AND ABORT is answered, no write of the
// one that was fenced off reaches the medium, and none that it sends is GOOD, until it registers anew.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

/// What happened to one host's commands, by a clock that counts events.
struct History {
  struct Write {
    int host = 0;
    int begun = 0;
    std::optional<int> ended = {};   // nothing: it never ended
    std::optional<int> landed = {};  // on the medium
    bool good = false;
  };
  /// From the answer to the PREEMPT AND ABORT until the host begins to register again.
  struct Fence {
    int host = 0;
    int from = 0;
    std::optional<int> to = {};
    bool contains(int moment) const { return moment > from && (!to || moment < *to); }
  };

  std::vector<Write> writes;
  std::vector<Fence> fences;

  /// The first thing that breaks the promise, in words; empty if nothing does.
  std::string violation() const {
    for (const Fence& fence : fences) {
      for (const Write& write : writes) {
        if (write.host != fence.host) continue;
        const std::string what = "the write of host " + std::to_string(write.host) + " begun at " +
                                 std::to_string(write.begun);
        const std::string since = ", fenced off since " + std::to_string(fence.from);
        if (write.landed && fence.contains(*write.landed))
          return what + " landed at " + std::to_string(*write.landed) + since;
        if (write.good && fence.contains(write.begun) && fence.contains(*write.ended))
          return what + " was GOOD at " + std::to_string(*write.ended) + since;
      }
    }
    return {};
  }
};

TEST(FencingHistory, APlantedViolationIsFound) {
  History history;
  history.fences.push_back({.host = 1, .from = 10, .to = 20});
  history.writes.push_back({.host = 1, .begun = 5, .ended = 9, .landed = 8, .good = true});
  history.writes.push_back({.host = 1, .begun = 9, .ended = 30, .landed = 25, .good = true});
  history.writes.push_back({.host = 1, .begun = 12, .ended = 14, .good = false});
  history.writes.push_back({.host = 2, .begun = 12, .ended = 14, .landed = 13, .good = true});
  EXPECT_EQ(history.violation(), "");
  History landed_late = history;
  landed_late.writes.push_back({.host = 1, .begun = 7, .ended = 12, .landed = 11});
  EXPECT_EQ(landed_late.violation(),
            "the write of host 1 begun at 7 landed at 11, fenced off since 10");
  History let_in = history;
  let_in.writes.push_back({.host = 1, .begun = 11, .ended = 19, .good = true});
  EXPECT_EQ(let_in.violation(),
            "the write of host 1 begun at 11 was GOOD at 19, fenced off since 10");
}

/// Notes which write reaches the medium when: each has its number in its first four bytes.
class WitnessStore final : public Store {
 public:
  WitnessStore(std::unique_ptr<Store> below, History& history, int& clock)
      : below_(std::move(below)), history_(history), clock_(clock) {}
  std::uint64_t size() const override { return below_->size(); }
  bool read_only() const override { return false; }
  bool has_volatile_cache() const override { return false; }
  std::uint32_t physical_block_bytes() const override { return 512; }
  std::string describe() const override { return "witness"; }

 private:
  void start(StoreRequest& request) override {
    if (request.operation == StoreOperation::write) {
      std::uint32_t number = 0;
      std::memcpy(&number, request.vectors.front().iov_base, sizeof number);
      history_.writes.at(number).landed = ++clock_;
    }
    pass_on(request, *below_);
  }
  std::unique_ptr<Store> below_;
  History& history_;
  int& clock_;
};

class FencingHistoryTest : public LunTest {
 protected:
  static constexpr int hosts = 4;  // host 0 guards, and is never fenced off
  enum Action : std::uint8_t { register_key, reserve, preempt_and_abort = 5, register_and_ignore };

  struct Step {
    std::unique_ptr<Issued> issued;
    int host = 0;
    std::optional<std::uint32_t> write = {};  // its number
    std::optional<int> fences = {};           // this host
    int registrations = 0;                    // that it had begun before
    bool registers = false;
    bool seen = false;
  };

  void SetUp() override {
    LunTest::SetUp();
    auto memory = MemoryStore::create(store_bytes);
    ASSERT_TRUE(memory);
    auto witness = std::make_unique<WitnessStore>(std::move(*memory), history_, clock_);
    auto faults = std::make_unique<FaultStore>(std::move(witness));
    // Some blocks take their time, so that commands of all ages are under way.
    for (const int megabyte : {1, 2, 3}) {
      Fault slow;
      slow.kind = Fault::Kind::delay;
      slow.operation = StoreOperation::write;
      slow.from = static_cast<std::uint64_t>(megabyte) * MiB;
      slow.to = slow.from + MiB;
      slow.delay = std::chrono::microseconds(300 * megabyte);
      faults->inject(slow);
    }
    auto unit = LogicalUnit::create(std::move(faults), options());
    ASSERT_TRUE(unit);
    target_.add(std::move(*unit));
    for (int i = 0; i < hosts; ++i) {
      nexuses_[i].initiator_name = "iqn.host-" + std::to_string(i);
      nexuses_[i].index = static_cast<std::uint32_t>(10 + i);
      target_.nexus_joined(nexuses_[i]);
      run({0x00}, nexuses_[i]);
    }
  }
  void TearDown() override { steps_.clear(); }

  Step& begin(int host, const scsi::CdbBytes& cdb, const Bytes& data) {
    steps_.push_back({.issued = std::make_unique<Issued>(target_, nexuses_[host], 0, cdb), .host = host});
    ++clock_;
    steps_.back().issued->begin();
    steps_.back().issued->execute(0xffff'ffff, data);
    return steps_.back();
  }
  void begin_write(int host) {
    const auto number = static_cast<std::uint32_t>(history_.writes.size());
    history_.writes.push_back({.host = host, .begun = clock_ + 1});
    Bytes data(512);
    std::memcpy(data.data(), &number, sizeof number);
    const auto lba = static_cast<std::uint32_t>(random_() % (4 * MiB / 512));
    begin(host, {0x2a, 0, 0, 0, static_cast<std::uint8_t>(lba >> 8), static_cast<std::uint8_t>(lba), 0, 0, 1},
          data)
        .write = number;
  }
  Step& begin_out(int host, Action action, std::uint64_t key, std::uint64_t service_action_key) {
    Bytes list(24);
    list[7] = static_cast<std::uint8_t>(key);
    list[15] = static_cast<std::uint8_t>(service_action_key);
    return begin(host, {0x5f, action, 5, 0, 0, 0, 0, 0, 24}, list);
  }
  static std::uint64_t key_of(int host) { return static_cast<std::uint64_t>(host + 1); }

  void begin_register(int host) {
    for (History::Fence& fence : history_.fences)
      if (fence.host == host && !fence.to) fence.to = clock_ + 1;
    ++registrations_[host];
    ++registering_[host];
    begin_out(host, register_and_ignore, 0, key_of(host)).registers = true;
  }

  void begin_fence(int host) {
    Step& step = begin_out(0, preempt_and_abort, key_of(0), key_of(host));
    // One that is about to register may be in again before the answer.
    if (registering_[host] == 0) step.fences = host;
    step.registrations = registrations_[host];
  }

  /// Writes down what has ended.
  void look() {
    for (Step& step : steps_) {
      if (step.seen || !step.issued->ended()) continue;
      step.seen = true;
      ++clock_;
      if (step.registers) --registering_[step.host];
      if (step.write) {
        History::Write& write = history_.writes[*step.write];
        write.ended = clock_;
        write.good = step.issued->good();
        (write.good ? good_ : refused_) += 1;
      }
      if (step.fences && step.issued->good() && registrations_[*step.fences] == step.registrations)
        history_.fences.push_back({.host = *step.fences, .from = clock_});
    }
    std::erase_if(steps_, [](const Step& step) { return step.seen; });
  }

  static Task<void> one_turn(Loop& loop) { co_await sleep_for(loop, std::chrono::microseconds(20)); }

  std::mt19937 random_;
  History history_;
  int clock_ = 0;
  int good_ = 0, refused_ = 0;
  Nexus nexuses_[hosts];
  int registering_[hosts] = {};    // under way
  int registrations_[hosts] = {};  // begun
  std::vector<Step> steps_;
};

TEST_F(FencingHistoryTest, KeepsWhatFencingPromises) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  random_.seed(seed);
  for (int host = 0; host < hosts; ++host) begin_register(host);
  settle();
  look();
  begin_out(0, reserve, key_of(0), 0);
  settle();
  for (int i = 0; i < 4000; ++i) {
    const int host = 1 + static_cast<int>(random_() % (hosts - 1));
    const unsigned chance = random_() % 100;
    if (chance < 3)
      begin_fence(host);
    else if (chance < 10)
      begin_register(host);
    else
      begin_write(host);
    // Every turn is looked at, so that the clock is never later than what it is asked about.
    loop_->run(one_turn(*loop_));
    look();
  }
  for (int i = 0; i < 10'000 && !steps_.empty(); ++i) {
    loop_->run(one_turn(*loop_));
    look();
  }
  EXPECT_TRUE(steps_.empty()) << steps_.size() << " commands never ended";
  EXPECT_EQ(history_.violation(), "");
  EXPECT_GT(good_, 100) << "hardly anybody got to write";
  EXPECT_GT(refused_, 100) << "hardly anybody was kept out";
  EXPECT_GT(history_.fences.size(), 10u);
}

}  // namespace
}  // namespace holdfast::target
