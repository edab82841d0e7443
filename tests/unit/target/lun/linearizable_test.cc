// Hosts read, write, swap and fence one another off on a medium that carries out what it has block by
// block in any order, and everything is written down. The history must be linearizable.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "tests/support/history/linearizability.h"
#include "tests/support/history/workload.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using testing_support::Ask;
using testing_support::Event;
using testing_support::Reply;
using testing_support::Workload;
using testing_support::WorkloadShape;

/// A medium that moves one block of one request at a time, when it is told to.
class DisorderlyStore final : public Store {
 public:
  static constexpr std::size_t block_bytes = 512;

  DisorderlyStore(std::uint64_t bytes, unsigned seed) : data_(bytes), random_(seed) {}
  std::uint64_t size() const override { return data_.size(); }
  bool read_only() const override { return false; }
  bool has_volatile_cache() const override { return true; }
  std::uint32_t physical_block_bytes() const override { return block_bytes; }
  std::string describe() const override { return "a medium in disorder"; }

  void move_one_block() {
    if (under_way_.empty()) return;
    const std::size_t chosen = random_() % under_way_.size();
    Work& work = under_way_[chosen];
    if (!work.left.empty()) {
      const std::size_t at = random_() % work.left.size();
      move_block(*work.request, work.left[at]);
      work.left.erase(work.left.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    }
    StoreRequest* const done = work.request;
    under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(chosen));
    finish(*done, 0);
  }

 private:
  struct Work {
    StoreRequest* request = nullptr;
    std::vector<std::size_t> left;  // blocks, from the first one of the request on
  };

  void start(StoreRequest& request) override {
    under_way_.push_back({&request, {}});
    for (std::size_t i = 0; i < request.length() / block_bytes; ++i) under_way_.back().left.push_back(i);
  }

  /// Blocks lie across vectors.
  void move_block(const StoreRequest& request, std::size_t number) {
    std::size_t skip = number * block_bytes;
    std::uint8_t* at = data_.data() + request.offset + skip;
    std::size_t left = block_bytes;
    for (const iovec& vector : request.vectors) {
      if (skip >= vector.iov_len) {
        skip -= vector.iov_len;
        continue;
      }
      const std::size_t now = std::min(left, vector.iov_len - skip);
      auto* const memory = static_cast<std::uint8_t*>(vector.iov_base) + skip;
      if (request.operation == StoreOperation::read)
        std::memcpy(memory, at, now);
      else
        std::memcpy(at, memory, now);
      skip = 0;
      at += now;
      left -= now;
      if (left == 0) return;
    }
  }

  std::vector<std::uint8_t> data_;
  std::mt19937 random_;
  std::vector<Work> under_way_;
};

class LinearizableUnit : public LunTest {
 protected:
  static constexpr int depth = 3;

  struct Sent {
    int ticket = 0;
    std::unique_ptr<Issued> issued;
  };

  /// The history of hosts who do `commands`; with `lie`, what shall be atomic is sent as if it need
  /// not.
  testing_support::Verdict judge(unsigned seed, int commands, bool lie) {
    device_ = std::make_unique<ScsiTarget>(target_.iqn());
    WorkloadShape shape;
    shape.seed = seed;
    Workload workload(shape);
    auto store = std::make_unique<DisorderlyStore>(1 * MiB, seed);
    medium_ = store.get();
    auto unit = LogicalUnit::create(std::move(store), options());
    EXPECT_TRUE(unit);
    for (std::string& intent : intents_)
      EXPECT_TRUE((*unit)->keep_intents(std::make_unique<MemoryFile>(intent), ""));
    device_->add(std::move(*unit));
    nexuses_ = std::vector<Nexus>(static_cast<std::size_t>(shape.hosts));
    for (int host = 0; host < shape.hosts; ++host) {
      Nexus& nexus = nexuses_[static_cast<std::size_t>(host)];
      nexus.initiator_name = "iqn.host-" + std::to_string(host);
      nexus.index = static_cast<std::uint32_t>(10 + host);
      device_->nexus_joined(nexus);
    }
    loop_->run(drive(workload, shape.hosts, commands, lie));
    EXPECT_EQ(workload.unexpected(), "");
    EXPECT_TRUE(sent_.empty()) << sent_.size() << " commands never ended";
    conflicts_ += workload.count(Event::Kind::write, Event::Result::conflict);
    fences_ += workload.count(Event::Kind::fence, Event::Result::good);
    swaps_ += workload.count(Event::Kind::compare_and_write, Event::Result::good);
    return testing_support::check(workload.history());
  }

  void send(int host, const Ask& ask, bool lie) {
    scsi::CdbBytes cdb{};
    std::copy(ask.cdb.begin(), ask.cdb.end(), cdb.begin());
    if (lie && cdb[0] == 0x9c) cdb[0] = 0x8a;
    auto issued = std::make_unique<Issued>(*device_, nexuses_[static_cast<std::size_t>(host)], 0, cdb);
    issued->begin();
    issued->execute(0xffff'ffff, ask.data_out);
    sent_.push_back({ask.ticket, std::move(issued)});
  }

  void look(Workload& workload) {
    for (Sent& one : sent_) {
      if (!one.issued->ended()) continue;
      const Outcome& outcome = one.issued->command.outcome;
      const Bytes data = one.issued->data_in();
      Reply reply{.status = outcome.status, .data_in = data};
      reply.sense_key = static_cast<std::uint8_t>(one.issued->sense_code() >> 16);
      reply.additional = static_cast<std::uint16_t>(one.issued->sense_code());
      reply.information = one.issued->information().value_or(0);
      outcome.aborted ? workload.lost(one.ticket) : workload.answered(one.ticket, reply);
      one.ticket = 0;
    }
    std::erase_if(sent_, [](const Sent& one) { return one.ticket == 0; });
    (void)workload.take_abandoned();  // They end all the same.
  }

  Task<void> drive(Workload& workload, int hosts, int commands, bool lie) {
    // The first command of each is told of the power on.
    for (int host = 0; host < hosts; ++host) send(host, Ask{}, lie);
    co_await sleep_for(*loop_, Duration(0));
    sent_.clear();
    for (int host = 0; host < hosts; ++host) send(host, workload.registration(host), lie);
    for (int i = 0; i < 20; ++i) co_await sleep_for(*loop_, Duration(0));
    look(workload);
    send(0, workload.reservation(), lie);
    for (int turn = 0; turn < 1'000'000 && (commands > 0 || !sent_.empty()); ++turn) {
      const int host = turn % hosts;
      if (commands > 0 && workload.in_flight(host) < depth) {
        send(host, workload.next(host), lie);
        --commands;
      }
      for (int i = 0; i < 3; ++i) medium_->move_one_block();
      co_await sleep_for(*loop_, Duration(0));
      look(workload);
    }
  }

  std::unique_ptr<ScsiTarget> device_;
  DisorderlyStore* medium_ = nullptr;
  std::vector<Nexus> nexuses_;
  std::vector<Sent> sent_;
  int conflicts_ = 0, fences_ = 0, swaps_ = 0;
};

TEST_F(LinearizableUnit, OnAMediumInDisorder) {
  const unsigned seed = std::random_device{}();
  for (unsigned i = 0; i < 4; ++i) {
    const testing_support::Verdict verdict = judge(seed + i, 800, false);
    EXPECT_TRUE(verdict.linearizable) << "seed " << seed + i << ": " << verdict.words;
  }
  EXPECT_GT(conflicts_, 5);
  EXPECT_GT(fences_, 5);
  EXPECT_GT(swaps_, 50);
}

TEST_F(LinearizableUnit, WritesThatAreNotAtomicAreFoundOut) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    const testing_support::Verdict verdict = judge(seed, 600, true);
    if (verdict.linearizable) continue;
    EXPECT_TRUE(verdict.words.starts_with("nothing explains: ")) << verdict.words;
    return;
  }
  FAIL() << "twenty times nothing was found";
}

}  // namespace
}  // namespace holdfast::target
