// Any bytes whatever: a session takes them or fails, and in the end every command has come back once.

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/initiator/device/native/hand_fed.h"

namespace holdfast::initiator {
namespace {

class AnyPdus : public HandFed {
 protected:
  std::mt19937 random_{20261122};

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  /// A PDU that is nearly right, most of the time.
  std::string some_pdu(const Command& of) {
    constexpr iscsi::Opcode opcodes[] = {
        iscsi::Opcode::nop_in,        iscsi::Opcode::scsi_response, iscsi::Opcode::task_management_response,
        iscsi::Opcode::text_response, iscsi::Opcode::data_in,       iscsi::Opcode::logout_response,
        iscsi::Opcode::r2t,           iscsi::Opcode::async_message, iscsi::Opcode::reject};
    const std::uint32_t received = of.command.received();
    iscsi::DataInBhs data = data_in(of, below(3), received, below(2) == 0);
    data.opcode = opcodes[below(std::size(opcodes))];
    if (below(3) == 0) {
      iscsi::R2tBhs invitation = r2t(of, of.command.r2ts(), 4096, below(3000));
      data = iscsi::as<iscsi::DataInBhs>(invitation);
    }
    std::string bytes = bytes_of(data, std::string(below(4) == 0 ? below(9000) : 0, 'r'), below(2) == 0);
    if (below(4) == 0) bytes[below(48)] = static_cast<char>(random_());
    return bytes;
  }

  void start_over() {
    TearDown();
    commands_.clear();
    SetUp();
    begin();
  }
};

TEST_F(AnyPdus, OfOurOwnMaking) {
  begin();
  for (int round = 0; round < 300; ++round) {
    if (session_->failed() || commands_.size() > 6) start_over();
    Command& one = below(2) == 0 ? read(1 + below(8000)) : write(1 + below(12000));
    settle();
    for (std::uint32_t i = below(4); i > 0 && !session_->failed(); --i) say(some_pdu(one));
    settle();
  }
}

TEST_F(AnyPdus, OfNobodysMaking) {
  for (int round = 0; round < 100; ++round) {
    start_over();
    read(4096);
    write(10000);
    settle();
    std::string bytes(below(2000) + 1, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    say(bytes);
    settle();
  }
}

}  // namespace
}  // namespace holdfast::initiator
