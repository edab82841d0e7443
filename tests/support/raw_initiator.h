#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/fd.h"

namespace holdfast {

/// An initiator whose every PDU is written by hand, on a blocking socket: it can say what no
/// library would. What goes wrong unexpectedly (nothing comes, or something else) throws with
/// words, which fails the test.
class RawInitiator {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds patience{20'000};

  struct Pdu {
    iscsi::GenericBhs header;
    std::string data;

    iscsi::Opcode opcode() const { return header.opcode.opcode(); }
    template <iscsi::Bhs T>
    T as() const {
      return iscsi::as<T>(header);
    }
  };

  struct Login {
    std::string initiator = "iqn.2026-11.example.raw:initiator";
    std::string target = "iqn.2026-11.example.raw:disk";
    /// "Key=value" pairs, each ended by a semicolon, instead of what would be said otherwise.
    std::string keys{};
    std::uint8_t isid_tail = 1;
    std::uint32_t cmd_sn = 1;
    std::uint16_t tsih = 0;  // not 0: joins that session, with the keys of `keys` alone
    std::uint16_t cid = 0;
  };

  /// Connects to 127.0.0.1. Nothing is said yet.
  explicit RawInitiator(std::uint16_t port);
  /// Connects and logs in, straight to the operational stage. Throws if that is refused.
  RawInitiator(std::uint16_t port, const Login& login) : RawInitiator(port) { log_in(login); }

  void log_in(const Login& login);

  /// From here on PDUs have these digests; those of the target are checked, and a wrong one throws.
  void use_digests(iscsi::Digests digests) { digests_ = digests; }
  /// The next PDU that is sent gets a wrong header digest, or a wrong data digest.
  void spoil_header_digest() { spoil_header_ = true; }
  void spoil_data_digest() { spoil_data_ = true; }

  template <iscsi::Bhs T>
  void send(T header, std::string_view data = {}) {
    header.data_segment_bytes = static_cast<std::uint32_t>(data.size());
    send_pdu(iscsi::to_bytes(header), data);
  }
  void send_bytes(std::string_view bytes);

  /// The next PDU.
  Pdu receive(Milliseconds within = patience);
  /// The next PDU, or nothing if none comes in that time.
  std::optional<Pdu> receive_if_any(Milliseconds within);
  /// The next PDU, which must be of that kind.
  template <iscsi::Bhs T>
  T receive_as() {
    last_ = receive();
    return expect<T>(last_);
  }
  /// The data segment of what `receive_as` returned.
  const std::string& data() const { return last_.data; }
  /// True when the other end closes within that time; PDUs that come first are swallowed.
  bool is_closed(Milliseconds within = patience);
  /// Ends our half of the connection, or cuts it with a reset.
  void close() { socket_.reset(); }
  void reset();

  /// A command with the next CmdSN.
  iscsi::ScsiCommandBhs command(std::uint32_t tag, const std::array<std::uint8_t, 16>& cdb,
                                std::uint8_t flags, std::uint32_t expected);
  iscsi::ScsiCommandBhs read10(std::uint32_t tag, std::uint32_t lba, std::uint16_t blocks);
  iscsi::ScsiCommandBhs write10(std::uint32_t tag, std::uint32_t lba, std::uint16_t blocks);
  iscsi::ScsiCommandBhs test_unit_ready(std::uint32_t tag);
  /// Takes the unit attention that every new nexus gets, so that the next command is served.
  void clear_unit_attention();

  /// Reads with READ(10), gathering the Data-Ins. Throws unless the status is GOOD.
  std::string read(std::uint32_t tag, std::uint32_t lba, std::uint16_t blocks);
  /// Takes Data-Ins and the response of a command, whatever its status, which is returned.
  std::uint8_t finish(std::uint32_t tag, std::string* data_in = nullptr);
  /// Data for an R2T, in one Data-Out.
  void answer(const iscsi::R2tBhs& r2t, std::string_view data);

  std::uint32_t cmd_sn = 1;      // of the next non-immediate request
  std::uint32_t exp_cmd_sn = 0;  // as last shown
  std::uint32_t max_cmd_sn = 0;
  std::uint32_t stat_sn = 0;     // of the last response
  std::uint16_t tsih = 0;

 private:
  void send_pdu(const iscsi::HeaderBytes& header, std::string_view data);
  /// Throws unless the PDU is of the kind that T pictures.
  template <iscsi::Bhs T>
  static T expect(const Pdu& pdu) {
    expect_opcode(pdu, T{}.opcode.opcode());
    return pdu.as<T>();
  }
  static void expect_opcode(const Pdu& pdu, iscsi::Opcode opcode);
  /// Gathers `bytes` bytes; false if the other end closed before the first, or time ran out.
  bool gather(char* to, std::size_t bytes, std::chrono::steady_clock::time_point until);
  void note_numbers(const iscsi::GenericBhs& header);

  Fd socket_;
  iscsi::Digests digests_;
  bool spoil_header_ = false;
  bool spoil_data_ = false;
  Pdu last_;
};

}  // namespace holdfast
