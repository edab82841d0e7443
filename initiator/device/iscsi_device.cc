#include "initiator/device/iscsi_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <deque>
#include <utility>
#include <vector>

#include "common/base/endian.h"
#include "common/runtime/timer.h"
#include "initiator/device/answers.h"

namespace holdfast::initiator {
namespace {

// SBC-3 section 5 and SPC-4.
constexpr std::uint8_t read_10 = 0x28, read_16 = 0x88, write_10 = 0x2a, write_16 = 0x8a,
                       synchronize_cache_10 = 0x35, synchronize_cache_16 = 0x91, unmap = 0x42;
constexpr std::uint8_t force_unit_access = 0x08;
constexpr int good = 0x00;

template <typename Integer>
void put(std::array<std::uint8_t, 16>& cdb, std::size_t at, Integer value) {
  const auto bytes = std::bit_cast<std::array<std::uint8_t, sizeof(Integer)>>(value);
  std::copy(bytes.begin(), bytes.end(), cdb.begin() + static_cast<std::ptrdiff_t>(at));
}

/// UNMAP's parameter list with one descriptor (SBC-3 section 5.30.2).
struct UnmapList {
  be16 data_bytes = std::uint16_t{22};
  be16 descriptor_bytes = std::uint16_t{16};
  be32 reserved_4{};
  be64 lba{};
  be32 blocks{};
  be32 reserved_20{};
};
static_assert(sizeof(UnmapList) == 24);

}  // namespace

/// One request on its way, and the pause before it is sent again.
class IscsiDevice::Slot final : public Timer {
 public:
  Slot(Loop& loop, IscsiDevice& device, ScsiCommand& its) : Timer(loop), command(its), device_(device) {
    command.owner = this;
    command.done = &IscsiDevice::answered;
    command.lun = lun_bytes(device.settings_.lun);
  }
  ~Slot() = default;

  IscsiDevice& device() { return device_; }
  bool is_flush() const { return flushing || request->operation == DeviceOperation::flush; }

  ScsiCommand& command;
  DeviceRequest* request = nullptr;
  bool flushing = false;      // the second half of a durable write that cannot be forced
  bool flushed_long = false;  // with the 16-byte command
  CommandAttempts attempts;
  UnmapList unmap_list;
  iovec unmap_vector{&unmap_list, sizeof unmap_list};

 private:
  void expire() override { device_.send(*this); }
  IscsiDevice& device_;
};

struct IscsiDevice::Slots {
  Slots(Loop& loop, IscsiDevice& device, std::uint32_t depth) : answers(loop, depth) {
    for (std::uint32_t i = 0; i < depth; ++i)
      free.push_back(&all.emplace_back(loop, device, device.session_->add_command()));
  }
  std::deque<Slot> all;  // never moves them
  std::vector<Slot*> free;
  Answers answers;
};

IscsiDevice::IscsiDevice(Loop& loop, std::unique_ptr<IscsiSession> session, LunFacts facts, const Settings& settings)
    : session_(std::move(session)),
      facts_(std::move(facts)),
      settings_(settings),
      transfer_bytes_max_(transfer_bytes_of(facts_, settings.transfer_bytes_max)),
      long_flush_(facts_.long_commands),
      slots_(std::make_unique<Slots>(loop, *this, settings.depth_max)) {}

IscsiDevice::~IscsiDevice() = default;

std::map<std::string, std::string> IscsiDevice::negotiated() const {
  std::map<std::string, std::string> all = words_of(facts_);
  all.merge(session_->negotiated());
  all["engine"] = to_string(session_->engine());
  if (!has_cache_command_) all["synchronize_cache"] = "not supported";
  if (sent_again_ > 0) all["commands_sent_again"] = std::to_string(sent_again_);
  return all;
}

std::string IscsiDevice::last_error() const {
  const bool broke = session_->failed() && session_->failure().kind != ErrorKind::cancelled;
  return last_error_.empty() && broke ? session_->failure().message : last_error_;
}

WireUse IscsiDevice::wire() const {
  WireUse use = session_->wire();
  use.requests = commands_;
  return use;
}

int IscsiDevice::refusal_of(const DeviceRequest& request) const {
  if (abandoned_) return ECANCELED;
  if (session_->failed()) return session_->failure().code;
  return initiator::refusal_of(request, facts_, transfer_bytes_max_);
}

void IscsiDevice::submit(DeviceRequest& request) {
  const int refusal = refusal_of(request);
  if (refusal != 0) return slots_->answers.push(request, refusal);
  CHECK(!slots_->free.empty());
  Slot& slot = *slots_->free.back();
  slots_->free.pop_back();
  slot.request = &request;
  slot.flushing = false;
  slot.attempts = {};
  send(slot);
}

void IscsiDevice::send(Slot& slot) {
  if (session_->failed()) {
    DeviceRequest& request = *std::exchange(slot.request, nullptr);
    slots_->free.push_back(&slot);
    return slots_->answers.push(request, refusal_of(request));
  }
  slot.command.cdb = {};
  if (slot.is_flush())
    prepare_flush(slot);
  else if (slot.request->operation == DeviceOperation::unmap)
    prepare_unmap(slot);
  else
    prepare_transfer(slot);
  ++commands_;
  session_->submit(slot.command);
}

void IscsiDevice::prepare_transfer(Slot& slot) {
  const DeviceRequest& request = *slot.request;
  ScsiCommand& command = slot.command;
  const bool write = request.operation == DeviceOperation::write;
  const std::uint64_t lba = request.offset / facts_.block_bytes;
  const auto blocks = static_cast<std::uint32_t>(request.bytes / facts_.block_bytes);
  if (facts_.long_commands) {
    command.cdb[0] = write ? write_16 : read_16;
    put(command.cdb, 2, be64(lba));
    put(command.cdb, 10, be32(blocks));
  } else {
    command.cdb[0] = write ? write_10 : read_10;
    put(command.cdb, 2, be32(static_cast<std::uint32_t>(lba)));
    put(command.cdb, 7, be16(static_cast<std::uint16_t>(blocks)));
  }
  if (write && request.durable && facts_.forced_access) command.cdb[1] = force_unit_access;
  command.direction = write ? ScsiCommand::Direction::write : ScsiCommand::Direction::read;
  command.bytes = static_cast<std::uint32_t>(request.bytes);
  command.offset = request.offset;
  command.memory = request.vectors;
}

void IscsiDevice::prepare_flush(Slot& slot) {
  slot.flushed_long = long_flush_;
  slot.command.cdb[0] = long_flush_ ? synchronize_cache_16 : synchronize_cache_10;  // of everything
  slot.command.direction = ScsiCommand::Direction::none;
  slot.command.bytes = 0;
  slot.command.offset = 0;
  slot.command.memory = {};
}

void IscsiDevice::prepare_unmap(Slot& slot) {
  slot.unmap_list.lba = slot.request->offset / facts_.block_bytes;
  slot.unmap_list.blocks = static_cast<std::uint32_t>(slot.request->bytes / facts_.block_bytes);
  slot.command.cdb[0] = unmap;
  put(slot.command.cdb, 7, be16(std::uint16_t{sizeof slot.unmap_list}));
  slot.command.direction = ScsiCommand::Direction::write;
  slot.command.bytes = sizeof slot.unmap_list;
  slot.command.offset = slot.request->offset;
  slot.command.memory = std::span(&slot.unmap_vector, 1);
}

void IscsiDevice::answered(ScsiCommand& command) {
  Slot& slot = *static_cast<Slot*>(command.owner);
  IscsiDevice& device = slot.device();
  if (command.lost || command.answer.status != good) {
    if (device.try_again(slot)) return;
    return device.finish(slot, device.judge(slot));
  }
  const DeviceRequest& request = *slot.request;
  if (command.moved != command.bytes && carries_data(request) && !slot.flushing) {
    device.last_error_ = moved_too_little;
    return device.finish(slot, EIO);
  }
  const bool still_cached = request.operation == DeviceOperation::write && request.durable &&
                            device.facts_.write_cache && !device.facts_.forced_access;
  if (!still_cached || slot.flushing) return device.finish(slot, 0);
  slot.flushing = true;
  device.send(slot);
}

bool IscsiDevice::try_again(Slot& slot) {
  if (slot.command.lost || session_->failed()) return false;
  const ScsiAnswer& answer = slot.command.answer;
  if (slot.is_flush() && slot.flushed_long && is_unknown_command(answer)) {
    long_flush_ = false;
    send(slot);
    return true;
  }
  const NextAttempt next = next_attempt(answer, slot.attempts);
  if (next == NextAttempt::none) return false;
  ++sent_again_;
  if (next == NextAttempt::at_once)
    send(slot);
  else
    slot.arm(clock_now() + busy_pause(slot.attempts));
  return true;
}

/// The errno of an answer that stands, with its words in `last_error`.
int IscsiDevice::judge(const Slot& slot) {
  if (abandoned_) return ECANCELED;
  if (session_->failed()) {
    last_error_ = session_->failure().message;
    return session_->failure().code;
  }
  const ScsiAnswer& answer = slot.command.answer;
  if (slot.is_flush() && is_unknown_command(answer)) {
    // A unit without the command has no cache to synchronise, as the kernel sees it too.
    has_cache_command_ = false;
    return 0;
  }
  last_error_ = fmt::format("LUN {}: {}", settings_.lun, scsi_words(answer.status, answer.sense_key, answer.asc_ascq));
  return errno_of(answer);
}

void IscsiDevice::finish(Slot& slot, int error) {
  DeviceRequest& request = *std::exchange(slot.request, nullptr);
  slots_->free.push_back(&slot);
  request.error = error;
  request.done(request);
}

void IscsiDevice::abandon() {
  abandoned_ = true;
  for (Slot& slot : slots_->all) {
    if (!slot.armed()) continue;
    slot.disarm();
    slots_->answers.push(*std::exchange(slot.request, nullptr), ECANCELED);
    slots_->free.push_back(&slot);
  }
  session_->fail(Error{ErrorKind::cancelled, ECANCELED, "given up by us"});
}

std::size_t IscsiDevice::examine(std::span<ConnectionEvidence> into) const {
  if (into.empty()) return 0;
  into.front() = session_->evidence();
  return 1;
}

std::optional<PeerDoor> IscsiDevice::door() const {
  std::optional<PeerDoor> door = session_->door();
  if (door) door->echo_port = settings_.echo_port;
  return door;
}

Task<void> IscsiDevice::close(Duration deadline) { co_await session_->close(deadline); }

}  // namespace holdfast::initiator
