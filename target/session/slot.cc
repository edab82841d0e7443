#include "target/session/slot.h"

#include <algorithm>

#include "common/iscsi/pdu.h"
#include "target/session/command_set.h"

namespace holdfast::target {
namespace {

constexpr std::uint8_t status_good = 0x00;

std::uint8_t residual_bits(const Residual& residual) {
  using iscsi::ScsiResponseBhs;
  return static_cast<std::uint8_t>((residual.overflow ? ScsiResponseBhs::overflow_bit : 0) |
                                   (residual.underflow ? ScsiResponseBhs::underflow_bit : 0));
}
static_assert(iscsi::ScsiResponseBhs::overflow_bit == iscsi::DataInBhs::overflow_bit &&
              iscsi::ScsiResponseBhs::underflow_bit == iscsi::DataInBhs::underflow_bit);

}  // namespace

std::uint32_t Slot::wanted() const {
  const bool moves = transfer.direction == Transfer::Direction::in
                         ? reads
                         : transfer.direction == Transfer::Direction::out && writes;
  return moves ? std::min(transfer.bytes, expected) : 0;
}

std::span<iovec> Slot::name_chunks() {
  for (std::size_t i = 0; i < chunk_count_; ++i) vectors_[i] = {chunks_[i], DataMemory::chunk_bytes};
  return std::span(vectors_).first(chunk_count_);
}

iscsi::MemoryCursor& Slot::place_at(std::uint32_t offset) {
  place_ = iscsi::MemoryCursor(name_chunks(), offset);
  return place_;
}

void Slot::abort() { set_.abort(*this); }

Outgoing::Fill Slot::fill(iscsi::Batch& batch, Numbers& numbers) {
  return stage == Stage::gathering ? fill_requests(batch, numbers) : fill_answer(batch, numbers);
}

Outgoing::Fill Slot::fill_requests(iscsi::Batch& batch, Numbers& numbers) {
  for (;;) {
    if (!batch.has_room(0)) return Fill::partly;
    const auto request = gather.next_request();
    if (!request) return Fill::copied;
    iscsi::R2tBhs r2t;
    r2t.lun = command.lun;
    r2t.initiator_task_tag = tag;
    r2t.target_transfer_tag = request->target_transfer_tag;
    r2t.r2t_sn = request->r2t_sn;
    r2t.buffer_offset = request->offset;
    r2t.desired_data_transfer_length = request->bytes;
    batch.add(numbers.stamp(r2t, StatSn::shows));
  }
}

Outgoing::Fill Slot::fill_answer(iscsi::Batch& batch, Numbers& numbers) {
  while (!data_in.finished()) {
    const std::size_t pieces = data_in.next_bytes() / DataMemory::chunk_bytes + 2;
    if (!batch.has_room(pieces)) return Fill::partly;
    add_data_in(batch, numbers);
  }
  if (retired) return Fill::wholly;  // The last Data-In carried the status.
  if (!batch.has_room(2)) return Fill::partly;
  add_response(batch, numbers);
  return Fill::wholly;
}

void Slot::add_data_in(iscsi::Batch& batch, Numbers& numbers) {
  using iscsi::DataInBhs;
  const DataInCutter::Piece piece = data_in.next();
  DataInBhs header;
  header.initiator_task_tag = tag;
  header.data_segment_bytes = piece.bytes;
  header.data_sn = piece.data_sn;
  header.buffer_offset = piece.offset;
  header.flags = piece.final ? iscsi::final_bit : 0;
  const bool carries_status = piece.last && outcome().status == status_good;
  if (carries_status) {
    header.flags |= static_cast<std::uint8_t>(DataInBhs::status_bit | residual_bits(residual));
    header.residual_count = residual.count;
    stat_sn = numbers.stat_sn;
    set_.retire(*this);
  }
  batch.add(numbers.stamp(header, carries_status ? StatSn::takes : StatSn::none));
  for (std::uint32_t offset = piece.offset, left = piece.bytes; left > 0;) {
    const auto in_chunk = static_cast<std::uint32_t>(offset % DataMemory::chunk_bytes);
    const auto bytes =
        std::min(left, static_cast<std::uint32_t>(DataMemory::chunk_bytes) - in_chunk);
    batch.add_data(chunks_[offset / DataMemory::chunk_bytes] + in_chunk, bytes);
    offset += bytes;
    left -= bytes;
  }
  batch.pad(piece.bytes);
}

void Slot::add_response(iscsi::Batch& batch, Numbers& numbers) {
  set_.retire(*this);
  const Outcome& outcome = this->outcome();
  iscsi::ScsiResponseBhs header;
  header.flags |= residual_bits(residual);
  header.status = outcome.status;
  header.initiator_task_tag = tag;
  header.exp_data_sn = data_in.data_sn() + gather.requests_sent();
  header.residual_count = residual.count;
  const std::size_t sense_bytes =
      outcome.sense_bytes > 0 ? sizeof sense_length_ + outcome.sense_bytes : 0;
  header.data_segment_bytes = static_cast<std::uint32_t>(sense_bytes);
  stat_sn = numbers.stat_sn;
  batch.add(numbers.stamp(header, StatSn::takes));
  if (sense_bytes == 0) return;
  sense_length_ = outcome.sense_bytes;
  batch.add_data(&sense_length_, sizeof sense_length_);
  batch.add_data(outcome.sense.data(), outcome.sense_bytes);
  batch.pad(sense_bytes);
}

void Slot::released() { set_.released(*this); }

}  // namespace holdfast::target
