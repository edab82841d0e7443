#pragma once

#include <cstdint>

namespace holdfast::target {

/// Cuts the data of a READ into Data-In PDUs (RFC 7143 section 11.7): none longer than the peer
/// takes, the last of every MaxBurstLength marked final, and DataSN counting them. Pure.
class DataInCutter {
 public:
  struct Piece {
    std::uint32_t data_sn = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    bool final = false;  // ends a burst
    bool last = false;   // ends the data: it can carry a GOOD status
    bool operator==(const Piece&) const = default;
  };

  DataInCutter() = default;
  /// `segment_bytes_max` is the smaller of the peer's MaxRecvDataSegmentLength and our own limit.
  DataInCutter(std::uint32_t bytes, std::uint32_t segment_bytes_max, std::uint32_t burst_bytes_max);

  bool finished() const { return offset_ == bytes_; }
  /// The next PDU. Asked only while not finished.
  Piece next();
  /// How many bytes the next PDU will hold.
  std::uint32_t next_bytes() const;
  /// PDUs cut so far: what a response reports in ExpDataSN.
  std::uint32_t data_sn() const { return data_sn_; }

 private:
  std::uint32_t bytes_ = 0;
  std::uint32_t segment_bytes_max_ = 0;
  std::uint32_t burst_bytes_max_ = 0;
  std::uint32_t offset_ = 0;
  std::uint32_t burst_left_ = 0;
  std::uint32_t data_sn_ = 0;
};

/// What a SCSI Response or a Data-In with status says of bytes that did not move (section 11.4.5).
struct Residual {
  bool overflow = false;   // the peer's length was too small for the command, by `count`
  bool underflow = false;  // it was more than the command moved, by `count`
  std::uint32_t count = 0;
  bool operator==(const Residual&) const = default;

  /// `expected`: the peer's Expected Data Transfer Length. `asked`: what the command wants to move
  /// in its direction, 0 if it has no data. `moved`: what of it was moved, at most `expected`.
  static Residual of(std::uint32_t expected, std::uint32_t asked, std::uint32_t moved);
};

}  // namespace holdfast::target
