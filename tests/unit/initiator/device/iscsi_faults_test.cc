// The iSCSI devices in front of targets that refuse, break off, say nothing or talk rubbish: every
// request is answered, and every wait ends.

#include <gtest/gtest.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/event.h"
#include "initiator/engine/iscsi_engine.h"
#include "tests/support/scripted_target.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing_support::ScriptedTarget;
using Cdb = ScriptedTarget::Cdb;
using Reply = ScriptedTarget::Reply;
using Script = ScriptedTarget::Script;
using Greeting = ScriptedTarget::Greeting;
using Act = Reply::Act;

constexpr std::uint8_t inquiry = 0x12, test_unit_ready = 0x00, mode_sense = 0x1a, read_capacity_16 = 0x9e,
                       write_10 = 0x2a, write_16 = 0x8a, read_16 = 0x88, flush_10 = 0x35, flush_16 = 0x91;

bool is_write(const Cdb& cdb) { return cdb[0] == write_16 || cdb[0] == write_10; }

Task<void> open_device(Loop& loop, IscsiEngine engine, const std::string& text, Duration deadline,
                       std::unique_ptr<Device>& device, std::string& complaint) {
  Result<IscsiUrl> url = IscsiUrl::parse(text);
  IscsiUrl taken = std::move(url).value();
  IscsiDiskOptions options;
  options.open_deadline = deadline;
  options.depth_max = 8;
  Result<std::unique_ptr<Device>> opened = co_await open_iscsi_disk(loop, engine, std::move(taken), options);
  if (opened)
    device = std::move(opened).value();
  else
    complaint = opened.error().message;
}

Task<void> close_device(Device& device, Duration deadline) { co_await device.close(deadline); }

Task<void> request(Device& device, DeviceOperation operation, bool durable, int& error) {
  std::vector<std::byte> data(4096);
  iovec vector{data.data(), data.size()};
  DeviceRequest asked;
  asked.operation = operation;
  asked.durable = durable;
  if (operation != DeviceOperation::flush) {
    asked.bytes = data.size();
    asked.vectors = std::span(&vector, 1);
  }
  error = co_await perform(device, asked);
}

class IscsiFaults : public testing::TestWithParam<IscsiEngine> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }
  void TearDown() override {
    if (device_) loop_->run(close_device(*device_, milliseconds(200)));
  }

  void play(Script script) { target_.emplace(std::move(script)); }

  /// Opens the device; what went wrong, or nothing.
  std::string open(Duration deadline = seconds(20)) { return open_url(target_->url(), deadline); }
  std::string open_url(const std::string& url, Duration deadline) {
    std::string complaint;
    loop_->run(open_device(*loop_, GetParam(), url, deadline, device_, complaint));
    return complaint;
  }

  int perform_one(DeviceOperation operation, bool durable = false) {
    int error = -1;
    loop_->run(request(*device_, operation, durable, error));
    return error;
  }
  int write() { return perform_one(DeviceOperation::write); }
  int read() { return perform_one(DeviceOperation::read); }
  int flush() { return perform_one(DeviceOperation::flush); }

  std::unique_ptr<Loop> loop_;
  std::optional<ScriptedTarget> target_;
  std::unique_ptr<Device> device_;
};

TEST_P(IscsiFaults, ADecentTargetIsFine) {
  play({});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(device_->size(), ScriptedTarget::disk_bytes);
  EXPECT_EQ(device_->block_bytes(), 512U);
  EXPECT_EQ(write(), 0) << device_->last_error();
  EXPECT_EQ(read(), 0) << device_->last_error();
  EXPECT_EQ(flush(), 0) << device_->last_error();
  const std::map<std::string, std::string> negotiated = device_->negotiated();
  EXPECT_EQ(negotiated.at("MaxBurstLength"), "262144");
  EXPECT_EQ(negotiated.at("MaxRecvDataSegmentLength"), "8192");
  EXPECT_EQ(negotiated.at("vendor"), "TESTER");
  EXPECT_EQ(negotiated.at("product"), "SCRIPTED DISK");
}

TEST_P(IscsiFaults, NobodyListensIsSaid) {
  std::uint16_t port = 0;
  {
    ScriptedTarget gone({});
    port = gone.port();
  }
  const std::string complaint = open_url("iscsi://127.0.0.1:" + std::to_string(port) + "/iqn.x:y/0", seconds(20));
  EXPECT_NE(complaint.find("Connection refused"), std::string::npos) << complaint;
  EXPECT_NE(complaint.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, ASilentServerEndsTheWaitForLogin) {
  play({.greeting = Greeting::ignore});
  const std::string complaint = open(milliseconds(300));
  EXPECT_NE(complaint.find("log in to 127.0.0.1"), std::string::npos) << complaint;
  EXPECT_NE(complaint.find("no answer within 0."), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, AServerThatClosesAtLoginIsSaid) {
  play({.greeting = Greeting::close});
  const std::string complaint = open();
  EXPECT_NE(complaint.find("log in to"), std::string::npos) << complaint;
  EXPECT_TRUE(complaint.find("closed") != std::string::npos || complaint.find("reset") != std::string::npos)
      << complaint;
}

TEST_P(IscsiFaults, RubbishAtLoginIsAnErrorAndNoWait) {
  play({.greeting = Greeting::garbage});
  const std::string complaint = open();
  EXPECT_NE(complaint.find("log in to"), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, ARefusedLoginIsSaidInTheTargetsWords) {
  play({.greeting = Greeting::refuse});
  const std::string complaint = open();
  EXPECT_NE(complaint.find("uthentication"), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, ARedirectionIsFollowed) {
  ScriptedTarget there({});
  play({.greeting = Greeting::redirect, .redirect_to = "127.0.0.1:" + std::to_string(there.port()) + ",1"});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(device_->negotiated().at("portal"), "127.0.0.1:" + std::to_string(there.port()));
  EXPECT_EQ(write(), 0);
  loop_->run(close_device(*device_, milliseconds(200)));
  device_.reset();
}

TEST_P(IscsiFaults, RedirectionInACircleEnds) {
  // Each of two targets sends us to the other.
  std::uint16_t port = 0;
  {
    ScriptedTarget placeholder({});
    port = placeholder.port();
  }
  play({.greeting = Greeting::redirect, .redirect_to = "127.0.0.1:" + std::to_string(port) + ",1"});
  ScriptedTarget back({.greeting = Greeting::redirect,
                       .redirect_to = "127.0.0.1:" + std::to_string(target_->port()) + ",1"},
                      port);
  const std::string complaint = open();
  EXPECT_NE(complaint.find("one redirection too many"), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, UnitAttentionsOfANewSessionArePassedOver) {
  int attentions = 3;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    if (cdb[0] == test_unit_ready && attentions-- > 0) return Reply::sense(6, 0x2900);
    return usual;
  }});
  EXPECT_EQ(open(), "");
}

TEST_P(IscsiFaults, AUnitThatNeverGetsReadyIsGivenUp) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    return cdb[0] == test_unit_ready ? Reply::sense(2, 0x0401) : usual;
  }});
  const std::string complaint = open(milliseconds(700));
  EXPECT_NE(complaint.find("TEST UNIT READY"), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, AMissingLunIsSaid) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    if (cdb[0] == inquiry) usual.data.assign(36, 0x7f);
    return usual;
  }});
  EXPECT_NE(open().find("has no LUN 0"), std::string::npos);
}

TEST_P(IscsiFaults, WhatIsNoDiskIsSaid) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    if (cdb[0] == inquiry && (cdb[1] & 1) == 0) usual.data[0] = 0x0c;
    return usual;
  }});
  const std::string complaint = open();
  EXPECT_NE(complaint.find("is a controller, not a disk"), std::string::npos) << complaint;
}

TEST_P(IscsiFaults, AnOldDiskGetsShortCommands) {
  bool short_write = false;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    short_write |= cdb[0] == write_10;
    const bool is_long = cdb[0] == read_capacity_16 || cdb[0] == write_16 || cdb[0] == read_16 || cdb[0] == flush_16;
    return is_long ? Reply::sense(5, 0x2000) : usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(write(), 0) << device_->last_error();
  EXPECT_EQ(read(), 0) << device_->last_error();
  EXPECT_EQ(flush(), 0) << device_->last_error();
  EXPECT_TRUE(short_write);
}

TEST_P(IscsiFaults, AProtectedDiskIsReadOnly) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    if (cdb[0] == mode_sense) usual.data[2] = 0x80;
    return usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_TRUE(device_->read_only());
  EXPECT_EQ(write(), EROFS);
  EXPECT_EQ(read(), 0);
}

TEST_P(IscsiFaults, ABusyTargetIsAskedAgain) {
  int busy = 4;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    if (is_write(cdb) && busy-- > 0) return Reply::status_only(busy % 2 == 0 ? 0x08 : 0x28);
    return usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(write(), 0) << device_->last_error();
  EXPECT_EQ(device_->negotiated().at("commands_sent_again"), "4");
}

TEST_P(IscsiFaults, AUnitAttentionInTheMiddleIsPassedOver) {
  bool first = true;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    return is_write(cdb) && std::exchange(first, false) ? Reply::sense(6, 0x2900) : usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(write(), 0) << device_->last_error();
}

TEST_P(IscsiFaults, AnAbortedCommandIsSentAgainButNotForEver) {
  play({.on_command = [](const Cdb& cdb, Reply usual) { return is_write(cdb) ? Reply::sense(0xb, 0x4700) : usual; }});
  EXPECT_EQ(open(), "");
  const int before = target_->commands();
  EXPECT_EQ(write(), EIO);
  EXPECT_EQ(target_->commands() - before, 4);
}

TEST_P(IscsiFaults, RefusalsBecomeErrnosAndWords) {
  const struct {
    Reply reply;
    int error;
    const char* words;
  } cases[] = {
      {Reply::sense(3, 0x0c00), EIO, "MEDIUM"},      {Reply::sense(4, 0x4400), EIO, "HARDWARE"},
      {Reply::sense(7, 0x2700), EROFS, "DATA PROTECT"}, {Reply::sense(7, 0x2707), ENOSPC, "DATA PROTECT"},
      {Reply::sense(5, 0x2100), EINVAL, "ILLEGAL"},  {Reply::sense(2, 0x3a00), ENODEV, "NOT READY"},
      {Reply::status_only(0x18), EBUSY, "RESERVATION CONFLICT"},
  };
  const Reply* now = nullptr;
  play({.on_command = [&](const Cdb& cdb, Reply usual) { return is_write(cdb) ? *now : usual; }});
  EXPECT_EQ(open(), "");
  for (const auto& one : cases) {
    now = &one.reply;
    EXPECT_EQ(write(), one.error) << one.words;
    const std::string said = device_->last_error();
    EXPECT_NE(said.find(one.words), std::string::npos) << said;
    EXPECT_FALSE(device_->lost());
  }
}

TEST_P(IscsiFaults, AReadThatBringsTooLittleIsAnError) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    if (cdb[0] == read_16) {
      usual.data.resize(1024);
      usual.underflow = 3072;
    }
    return usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(read(), EIO);
}

TEST_P(IscsiFaults, AUnitWithoutTheFlushCommandHasNothingToFlush) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    return cdb[0] == flush_16 || cdb[0] == flush_10 ? Reply::sense(5, 0x2000) : usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(flush(), 0);
  EXPECT_EQ(device_->negotiated().at("synchronize_cache"), "not supported");
}

TEST_P(IscsiFaults, ADurableWriteIsFlushedWhereItCannotBeForced) {
  int flushes = 0;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    if (cdb[0] == flush_16) ++flushes;
    if (cdb[0] == mode_sense) {  // A write cache, and no DPOFUA.
      usual.data.assign(24, 0);
      usual.data[0] = 23;
      usual.data[4] = 0x08;
      usual.data[5] = 18;
      usual.data[6] = 0x04;
    }
    return usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(write(), 0);
  EXPECT_EQ(flushes, 0);
  EXPECT_EQ(perform_one(DeviceOperation::write, true), 0);
  EXPECT_EQ(flushes, 1);
}

TEST_P(IscsiFaults, ADurableWriteIsForcedWhereItCanBe) {
  bool forced = false;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    if (cdb[0] == write_16) forced = (cdb[1] & 0x08) != 0;
    if (cdb[0] == mode_sense) usual.data[2] = 0x10;
    return usual;
  }});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(perform_one(DeviceOperation::write, true), 0);
  EXPECT_TRUE(forced);
}

/// Writes at full depth, and what became of them.
struct Flight {
  std::vector<std::byte> memory = std::vector<std::byte>(4096);
  std::deque<iovec> vectors;
  std::deque<DeviceRequest> requests;
  std::vector<int> errors;
  Event changed;

  void start(Device& device, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      vectors.push_back({memory.data(), memory.size()});
      DeviceRequest& one = requests.emplace_back();
      one.operation = DeviceOperation::write;
      one.offset = i * memory.size();
      one.bytes = memory.size();
      one.vectors = std::span(&vectors.back(), 1);
      one.owner = this;
      one.done = [](DeviceRequest& request) {
        auto& flight = *static_cast<Flight*>(request.owner);
        flight.errors.push_back(request.error);
        flight.changed.set();
      };
      device.submit(one);
    }
  }
};

Task<void> land(Device& device, Flight& flight) {
  flight.start(device, 8);
  while (flight.errors.size() < 8) {
    flight.changed.reset();
    co_await flight.changed.wait();
  }
}

TEST_P(IscsiFaults, AConnectionThatBreaksFailsEverythingInFlightAndAfter) {
  int writes = 0;
  play({.on_command = [&](const Cdb& cdb, Reply usual) {
    if (!is_write(cdb)) return usual;
    return Reply{.act = ++writes == 3 ? Act::close : Act::ignore};
  }});
  EXPECT_EQ(open(), "");
  Flight flight;
  loop_->run(land(*device_, flight));
  for (int error : flight.errors) EXPECT_TRUE(error == ECONNRESET || error == EPIPE) << error;
  EXPECT_TRUE(device_->lost());
  EXPECT_NE(device_->last_error(), "");
  EXPECT_EQ(write(), flight.errors[0]);
  EXPECT_EQ(target_->connections(), 1) << "nobody reconnected behind our back";
}

TEST_P(IscsiFaults, RubbishInTheMiddleFailsEverythingInFlight) {
  play({.on_command = [](const Cdb& cdb, Reply usual) {
    return is_write(cdb) ? Reply{.act = Act::garbage} : usual;
  }});
  EXPECT_EQ(open(), "");
  Flight flight;
  loop_->run(land(*device_, flight));
  for (int error : flight.errors) EXPECT_NE(error, 0);
  EXPECT_TRUE(device_->lost());
}

Task<void> wait_a_little(Loop& loop) { co_await sleep_for(loop, milliseconds(100)); }

TEST_P(IscsiFaults, RubbishWhileNothingIsInFlightIsNoticed) {
  play({});
  EXPECT_EQ(open(), "");
  EXPECT_EQ(write(), 0);
  target_->send_garbage();
  loop_->run(wait_a_little(*loop_));
  EXPECT_NE(write(), 0);
  EXPECT_TRUE(device_->lost());
}

TEST_P(IscsiFaults, AConnectionThatIsClosedWhileNothingIsInFlightCostsNoTime) {
  // Goal: no busy loop on a descriptor that stays readable for ever.
  play({.on_command = [](const Cdb& cdb, Reply usual) { return is_write(cdb) ? Reply{.act = Act::close} : usual; }});
  EXPECT_EQ(open(), "");
  EXPECT_NE(write(), 0);
  const std::uint64_t before = loop_->turns();
  loop_->run(wait_a_little(*loop_));
  EXPECT_LT(loop_->turns() - before, 50U);
}

Task<void> abandon_in_flight(Device& device, Flight& flight) {
  flight.start(device, 8);
  co_await sleep_for(Loop::current(), milliseconds(50));
  EXPECT_TRUE(flight.errors.empty());
  device.abandon();
  EXPECT_TRUE(flight.errors.empty()) << "not from inside abandon()";
  while (flight.errors.size() < 8) {
    flight.changed.reset();
    co_await flight.changed.wait();
  }
}

TEST_P(IscsiFaults, WhatIsNeverAnsweredCanBeAbandoned) {
  play({.on_command = [](const Cdb& cdb, Reply usual) { return is_write(cdb) ? Reply{.act = Act::ignore} : usual; }});
  EXPECT_EQ(open(), "");
  Flight flight;
  loop_->run(abandon_in_flight(*device_, flight));
  EXPECT_EQ(flight.errors, std::vector<int>(8, ECANCELED));
  EXPECT_TRUE(device_->drained());
}

TEST_P(IscsiFaults, WhatWaitsToBeSentAgainCanBeAbandoned) {
  play({.on_command = [](const Cdb& cdb, Reply usual) { return is_write(cdb) ? Reply::status_only(0x08) : usual; }});
  EXPECT_EQ(open(), "");
  Flight flight;
  loop_->run(abandon_in_flight(*device_, flight));
  EXPECT_EQ(flight.errors, std::vector<int>(8, ECANCELED));
}

TEST_P(IscsiFaults, ALogoutThatIsNeverAnsweredEndsAtTheDeadline) {
  play({.ignore_logout = true});
  EXPECT_EQ(open(), "");
  loop_->run(close_device(*device_, milliseconds(100)));
  device_.reset();
}

INSTANTIATE_TEST_SUITE_P(Engines, IscsiFaults, testing::Values(IscsiEngine::native, IscsiEngine::libiscsi),
                         [](const auto& engine) { return std::string(to_string(engine.param)); });

}  // namespace
}  // namespace holdfast::initiator
