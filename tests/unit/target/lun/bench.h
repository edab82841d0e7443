#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "target/lun/logical_unit.h"
#include "target/lun/scsi_target.h"
#include "target/store/fault_store.h"
#include "target/store/memory_store.h"

namespace holdfast::target {

using Bytes = std::vector<std::uint8_t>;

/// One command as a session would drive it, with memory of its own.
class Issued {
 public:
  Issued(ScsiTarget& target, Nexus& nexus, std::uint32_t lun, const scsi::CdbBytes& cdb,
         std::uint8_t attribute = 1)
      : target_(target) {
    command.nexus = &nexus;
    command.lun = scsi::encode_lun(lun);
    command.cdb = cdb;
    command.cdb_bytes = static_cast<std::uint16_t>(scsi::shown_bytes(cdb).size());
    command.attribute = attribute;
    command.owner = this;
    command.done = [](Command& ended) {
      auto* issued = static_cast<Issued*>(ended.owner);
      EXPECT_FALSE(issued->calling_) << "done was called from inside a call";
      ++issued->ends;
    };
  }
  ~Issued() { EXPECT_TRUE(!begun_ || ends == 1) << "the command never ended"; }
  Issued(const Issued&) = delete;
  Issued& operator=(const Issued&) = delete;

  void begin() {
    calling_ = true;
    transfer = target_.begin(command);
    calling_ = false;
    begun_ = true;
  }

  /// Gives it memory for `expected` bytes, as much as the initiator said, cut into pieces of an odd
  /// size, and the data-out in it.
  void execute(std::uint32_t expected, const Bytes& data_out = {}) {
    const std::uint32_t wanted = std::min(transfer.bytes, expected);
    memory_.assign(round_up(wanted, block_bytes_max), std::byte{0xee});
    const std::size_t filled = std::min<std::size_t>(wanted, data_out.size());
    std::copy_n(reinterpret_cast<const std::byte*>(data_out.data()), filled, memory_.begin());
    constexpr std::size_t piece = 3072;
    for (std::size_t at = 0; at < memory_.size(); at += piece)
      vectors_.push_back({memory_.data() + at, std::min(piece, memory_.size() - at)});
    command.vectors = vectors_;
    command.data_out_bytes = static_cast<std::uint32_t>(filled);
    command.data_out_expected = static_cast<std::uint32_t>(data_out.size());
    calling_ = true;
    target_.execute(command);
    calling_ = false;
  }

  void abort() {
    calling_ = true;
    target_.abort(command);
    calling_ = false;
  }

  bool ended() const { return ends > 0; }
  bool good() const { return ended() && !command.outcome.aborted && command.outcome.status == 0; }
  bool aborted() const { return ended() && command.outcome.aborted; }
  Bytes data_in() const {
    const auto* data = reinterpret_cast<const std::uint8_t*>(memory_.data());
    return {data, data + command.outcome.data_in_bytes};
  }
  Bytes sense() const {
    return {command.outcome.sense.begin(),
            command.outcome.sense.begin() + command.outcome.sense_bytes};
  }
  /// Sense key, additional sense code and qualifier as one number: 052400 for INVALID FIELD IN CDB.
  std::uint32_t sense_code() const {
    if (!ended() || command.outcome.status != 2) return 0;
    const auto& bytes = command.outcome.sense;
    return static_cast<std::uint32_t>((bytes[2] & 0x0f) << 16 | bytes[12] << 8 | bytes[13]);
  }
  /// INFORMATION, where VALID says that there is one.
  std::optional<std::uint32_t> information() const {
    const auto& bytes = command.outcome.sense;
    if ((bytes[0] & 0x80) == 0) return std::nullopt;
    return static_cast<std::uint32_t>(bytes[3]) << 24 | bytes[4] << 16 | bytes[5] << 8 | bytes[6];
  }

  Command command;
  Transfer transfer;
  int ends = 0;

 private:
  ScsiTarget& target_;
  std::vector<std::byte> memory_;
  std::vector<iovec> vectors_;
  bool calling_ = false;
  bool begun_ = false;
};

/// A state file in memory. While `error` is not 0 nothing can be saved.
class MemoryFile final : public StateFile, private Deferred {
 public:
  explicit MemoryFile(std::string& content, const int& error = no_error)
      : content_(content), error_(error) {}
  void save(std::string content, std::function<void(int)> saved) override {
    if (error_ == 0) content_ = std::move(content);
    saved_ = std::move(saved);
    Loop::current().defer(*this);
  }
  std::string describe() const override { return "a test's file"; }

 private:
  static constexpr int no_error = 0;
  void run() override { std::exchange(saved_, nullptr)(error_); }
  std::string& content_;
  const int& error_;
  std::function<void(int)> saved_;
};

/// A target with units on memory behind a layer of faults, and two nexuses.
class LunTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t store_bytes = 16 * MiB;

  /// A medium that claims a volatile cache, and counts what it is asked for.
  class CountingStore final : public Store {
   public:
    explicit CountingStore(std::unique_ptr<Store> below, bool read_only)
        : below_(std::move(below)), read_only_(read_only) {}
    std::uint64_t size() const override { return below_->size(); }
    bool read_only() const override { return read_only_; }
    bool has_volatile_cache() const override { return true; }
    std::uint32_t physical_block_bytes() const override { return 4096; }
    std::string describe() const override { return "counting store"; }

    bool tells_room() const override { return room.has_value(); }

    std::optional<StoreRoom> room;
    std::vector<StoreOperation> operations;
    std::size_t durable_writes = 0;

   private:
    void start(StoreRequest& request) override {
      operations.push_back(request.operation);
      if (request.operation == StoreOperation::room && room) {
        request.room = *room;
        return finish_later(request, 0);
      }
      if (request.operation == StoreOperation::write && request.durable) ++durable_writes;
      pass_on(request, *below_);
    }
    std::unique_ptr<Store> below_;
    bool read_only_;
  };

  void SetUp() override {
    Result<std::unique_ptr<Loop>> loop = Loop::create();
    ASSERT_TRUE(loop);
    loop_ = std::move(*loop);
    first_.initiator_name = "iqn.2001-04.com.example:first";
    first_.index = 0;
    second_.initiator_name = "iqn.2001-04.com.example:second";
    second_.index = 1;
    target_.nexus_joined(first_);
    target_.nexus_joined(second_);
  }

  LogicalUnitOptions options(std::uint32_t number = 0) {
    LogicalUnitOptions made;
    made.number = number;
    made.target_name = target_.iqn();
    return made;
  }

  /// Adds a unit; `faults_` and `store_` are its store's layers.
  LogicalUnit& add_unit(const LogicalUnitOptions& made, bool read_only_store = false,
                        const std::function<void(LogicalUnit&)>& prepare = {}) {
    Result<std::unique_ptr<MemoryStore>> memory = MemoryStore::create(store_bytes);
    EXPECT_TRUE(memory);
    auto counting = std::make_unique<CountingStore>(std::move(*memory), read_only_store);
    store_ = counting.get();
    store_->room = room_at_first_;
    auto faults = std::make_unique<FaultStore>(std::move(counting));
    faults_ = faults.get();
    Result<std::unique_ptr<LogicalUnit>> unit = LogicalUnit::create(std::move(faults), made);
    EXPECT_TRUE(unit);
    for (std::string& intent : intents_)
      EXPECT_TRUE((*unit)->keep_intents(std::make_unique<MemoryFile>(intent, intent_error_), intent));
    if (prepare) prepare(**unit);
    target_.add(std::move(*unit));
    return *target_.find(made.number);
  }
  /// Adds LUN 0 and tells both nexuses of the power on.
  LogicalUnit& add_unit_in_use(const LogicalUnitOptions& made) {
    LogicalUnit& unit = add_unit(made);
    for (Nexus* nexus : {&first_, &second_})
      EXPECT_EQ(run({0x00}, *nexus)->sense_code(), 0x062900u);
    return unit;
  }

  std::unique_ptr<Issued> issue(const scsi::CdbBytes& cdb, Nexus& nexus, std::uint8_t attribute = 1,
                                std::uint32_t lun = 0) {
    auto issued = std::make_unique<Issued>(target_, nexus, lun, cdb, attribute);
    issued->begin();
    return issued;
  }
  /// A command from its CDB to its end. Memory is given for all that it wants to move.
  std::unique_ptr<Issued> run(const scsi::CdbBytes& cdb, Nexus& nexus, const Bytes& data_out = {},
                              std::uint32_t expected = 0xffff'ffff, std::uint32_t lun = 0) {
    auto issued = issue(cdb, nexus, 1, lun);
    issued->execute(expected, data_out);
    settle(issued->ends, 1);
    return issued;
  }
  std::unique_ptr<Issued> run(const scsi::CdbBytes& cdb) { return run(cdb, first_); }
  std::unique_ptr<Issued> run(const scsi::CdbBytes& cdb, const Bytes& data_out) {
    return run(cdb, first_, data_out);
  }

  /// Runs the loop until `count` reaches `wanted`.
  void settle(const int& count, int wanted) {
    loop_->run(wait_until(*loop_, count, wanted));
    EXPECT_GE(count, wanted) << "nothing happened for ten seconds";
  }
  /// Lets everything happen that can happen without waiting for anything.
  void settle() { loop_->run(wait_turns(*loop_, 20)); }

  static Bytes pattern(std::size_t bytes, unsigned seed) {
    Bytes data(bytes);
    for (std::size_t i = 0; i < bytes; ++i)
      data[i] = static_cast<std::uint8_t>((i * 31 + (i >> 9) * 7 + seed) & 0xff);
    return data;
  }

  std::unique_ptr<Loop> loop_;
  std::array<std::string, AtomicJournal::files_max> intents_;
  int intent_error_ = 0;  // with which they cannot be saved
  ScsiTarget target_{"iqn.2001-04.com.example:disk"};
  Nexus first_;
  Nexus second_;
  FaultStore* faults_ = nullptr;
  CountingStore* store_ = nullptr;
  std::optional<StoreRoom> room_at_first_;  // of the stores to come; absent: they cannot tell

 private:
  static Task<void> wait_until(Loop& loop, const int& count, int wanted) {
    for (int i = 0; i < 10'000 && count < wanted; ++i) {
      const Duration pause = i < 10 ? Duration(0) : std::chrono::milliseconds(1);
      co_await sleep_for(loop, pause);
    }
  }
  static Task<void> wait_turns(Loop& loop, int turns) {
    for (int i = 0; i < turns; ++i) co_await sleep_for(loop, std::chrono::nanoseconds(0));
  }
};

}  // namespace holdfast::target
