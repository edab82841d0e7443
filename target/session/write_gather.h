#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::target {

/// How one WRITE's data comes in: immediate, unsolicited, and then burst by burst as R2Ts ask for
/// it (RFC 7143 sections 4.2.4.2, 11.7 and 11.8). Data comes in order, within a burst and between
/// them (DataPDUInOrder and DataSequenceInOrder are Yes), so where it stands is a single number.
/// Pure.
class WriteGather {
 public:
  struct Plan {
    std::uint32_t expected = 0;   // Expected Data Transfer Length: what the peer has for us
    std::uint32_t wanted = 0;     // what the command takes of it, from the start
    std::uint32_t immediate = 0;  // what came in the command's own PDU
    bool unsolicited_follows = false;      // F was 0: Data-Out comes before any R2T
    std::uint32_t first_burst_bytes_max = 65'536;  // FirstBurstLength
    std::uint32_t burst_bytes_max = 262'144;       // MaxBurstLength
    std::uint32_t r2ts_max = 1;                    // MaxOutstandingR2T
    std::uint32_t tag_base = 0;  // Target Transfer Tags count up from here
  };

  /// What a Data-Out header says.
  struct DataOut {
    std::uint32_t target_transfer_tag = 0;
    std::uint32_t data_sn = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    bool final = false;
  };

  /// What an R2T asks for.
  struct Request {
    std::uint32_t target_transfer_tag = 0;
    std::uint32_t r2t_sn = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    bool operator==(const Request&) const = default;
  };

  enum class Verdict : std::uint8_t {
    fits,
    not_invited,   // unsolicited where none may come, or no R2T is open
    wrong_tag,     // not the Target Transfer Tag of the oldest open R2T
    wrong_number,  // DataSN: a PDU is missing or came twice
    wrong_offset,  // Buffer Offset: out of order
    too_much,      // beyond the burst
    wrong_end,     // F too early or missing
  };

  WriteGather() = default;
  /// The plan keeps the rules already: `immediate` within FirstBurstLength and `expected`.
  explicit WriteGather(const Plan& plan);

  /// Judges a Data-Out and, if it fits, counts its bytes as landed at `offset`; those beyond
  /// `wanted` are the caller's to drop.
  Verdict accept(const DataOut& data);

  /// The next R2T that may be sent now, counted as sent; nothing while the unsolicited burst is on
  /// its way, MaxOutstandingR2T are open, or all has been asked for. The caller has memory for it.
  std::optional<Request> next_request();

  /// True when nothing more will come: every wanted byte is here and no burst is open.
  bool is_complete() const { return !unsolicited_open_ && received_ >= plan_.wanted; }
  /// True while Data-Out without an R2T is on its way.
  bool unsolicited_is_open() const { return unsolicited_open_; }
  /// True when the peer owes data: its burst has been announced or asked for.
  bool awaits_data() const { return unsolicited_open_ || requests_done_ != requests_sent_; }
  /// True when `next_request` has one.
  bool can_request() const {
    return !unsolicited_open_ && invited_ < plan_.wanted &&
           requests_sent_ - requests_done_ < plan_.r2ts_max;
  }
  /// Bytes that have landed, from the start, dropped ones included.
  std::uint32_t received() const { return received_; }
  std::uint32_t wanted() const { return plan_.wanted; }
  /// R2Ts sent so far: the R2TSNs used up, which a response reports in ExpDataSN.
  std::uint32_t requests_sent() const { return requests_sent_; }
  /// R2Ts whose data is not all here.
  std::uint32_t requests_open() const { return requests_sent_ - requests_done_; }

 private:
  Verdict accept_unsolicited(const DataOut& data);
  Verdict accept_invited(const DataOut& data);

  Plan plan_;
  bool unsolicited_open_ = false;
  std::uint32_t unsolicited_end_ = 0;  // the first byte that may not come unsolicited
  std::uint32_t received_ = 0;
  std::uint32_t invited_ = 0;    // the first byte that no R2T has asked for
  std::uint32_t burst_end_ = 0;  // of the oldest open R2T
  std::uint32_t next_data_sn_ = 0;
  std::uint32_t requests_sent_ = 0;
  std::uint32_t requests_done_ = 0;
};

/// For logs: "DataSN out of order".
std::string_view describe(WriteGather::Verdict verdict);

}  // namespace holdfast::target
