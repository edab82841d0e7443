#include <random>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using RandomCommands = LunTest;

TEST_F(RandomCommands, EndOnceWhateverTheyAreAndWhateverIsDoneToThem) {
  // Goal: no bytes and no timing break the device server. Method: random CDBs with supported
  // operation codes made likely, random attributes, lengths and LUNs, aborted and reset at random,
  // over a store that fails and delays at random.
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  LogicalUnitOptions made = options();
  made.write_back = true;
  made.thin = true;
  add_unit(made);
  Fault failure;
  failure.skip = 3;
  failure.times = 5;
  faults_->inject(failure);
  Fault delay;
  delay.kind = Fault::Kind::delay;
  delay.delay = std::chrono::microseconds(300);
  faults_->inject(delay);
  const std::uint8_t codes[] = {0x00, 0x03, 0x08, 0x0a, 0x12, 0x1a, 0x1b, 0x25,
                                0x28, 0x2a, 0x2f, 0x35, 0x5a, 0x88, 0x8a, 0x8f,
                                0x91, 0x9e, 0xa0, 0xa3, 0xa8, 0xaa, 0xaf, 0x2e,
                                0x34, 0x37, 0x41, 0x42, 0x89, 0x8b, 0x8e, 0x90,
                                0x93, 0x9c, 0xae, 0xb7, 0x16, 0x17, 0x56, 0x57,
                                0x5e, 0x5f, 0x7f};
  int resets = 0;
  int resets_finished = 0;
  std::vector<std::unique_ptr<Issued>> commands;
  for (int i = 0; i < 3000; ++i) {
    scsi::CdbBytes cdb;
    for (std::uint8_t& byte : cdb) byte = static_cast<std::uint8_t>(random() & random() & random());
    if (random() % 8 != 0) cdb[0] = codes[random() % std::size(codes)];
    if (random() % 2 != 0) cdb[1] &= 0x1e;
    if (cdb[0] == scsi::opcode::variable_length) {
      cdb[7] = 0x18;
      cdb[8] = 0;
      cdb[9] = 0x0d;
    }
    Nexus& nexus = random() % 2 == 0 ? first_ : second_;
    const auto attribute = static_cast<std::uint8_t>(random() % 16 == 0 ? random() % 8 : 1);
    commands.push_back(issue(cdb, nexus, attribute, random() % 8 == 0 ? 1 : 0));
    Issued& command = *commands.back();
    if (random() % 8 == 0) {
      command.abort();
    } else {
      command.execute(random() % 4 == 0 ? random() % 5000 : 0xffff'ffff, Bytes(random() % 9000));
      if (random() % 8 == 0) command.abort();
    }
    if (random() % 100 == 0) {
      ++resets;
      target_.reset_logical_unit({}, [&] { ++resets_finished; });
    }
    if (i % 50 != 0) continue;
    for (const auto& one : commands) settle(one->ends, 1);
    commands.clear();
  }
  for (const auto& one : commands) settle(one->ends, 1);
  settle(resets_finished, resets);
  int flushed = 0;
  target_.flush([&] { ++flushed; });
  settle(flushed, 1);
}

}  // namespace
}  // namespace holdfast::target
