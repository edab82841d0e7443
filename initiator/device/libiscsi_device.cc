#include "initiator/device/libiscsi_device.h"

#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/runtime/timer.h"
#include "initiator/device/answers.h"
#include "initiator/device/resolve.h"

namespace holdfast::initiator {
namespace {

// With the pauses below, a target that is always busy gets about half a minute.
constexpr int busy_max = 64;
constexpr Duration busy_pause_min = std::chrono::milliseconds(10);
constexpr Duration busy_pause_max = std::chrono::milliseconds(500);
constexpr int at_once_max = 3;  // unit attentions and aborted commands

constexpr std::uint16_t invalid_operation_code = 0x2000;
constexpr std::uint16_t space_allocation_failed = 0x2707;

static_assert(sizeof(scsi_iovec) == sizeof(iovec) && alignof(scsi_iovec) == alignof(iovec));

scsi_iovec* vectors_of(const DeviceRequest& request) {
  return reinterpret_cast<scsi_iovec*>(request.vectors.data());
}

bool is_unknown(std::uint8_t sense_key, std::uint16_t asc_ascq) {
  return sense_key == SCSI_SENSE_ILLEGAL_REQUEST && asc_ascq == invalid_operation_code;
}

bool carries_data(const DeviceRequest& request) {
  return request.operation == DeviceOperation::read || request.operation == DeviceOperation::write;
}

}  // namespace

/// One request on its way, and the pause before it is sent again.
class LibiscsiDevice::Slot final : public Timer {
 public:
  Slot(Loop& loop, LibiscsiDevice& device) : Timer(loop), device_(device) {
    call.owner = this;
    call.done = &LibiscsiDevice::answered;
  }
  ~Slot() = default;

  LibiscsiDevice& device() { return device_; }

  LibiscsiCall call;
  DeviceRequest* request = nullptr;
  const scsi_task* task = nullptr;  // libiscsi's, while it has not answered
  Instant sent{};
  bool flushing = false;      // the second half of a durable write that cannot be forced
  bool flushed_long = false;  // with the 16-byte command
  int busy = 0;
  int at_once = 0;
  unmap_list range{};

 private:
  void expire() override { device_.send(*this); }
  LibiscsiDevice& device_;
};

struct LibiscsiDevice::Slots {
  Slots(Loop& loop, LibiscsiDevice& device, std::uint32_t depth) : answers(loop, depth) {
    for (std::uint32_t i = 0; i < depth; ++i) free.push_back(&all.emplace_back(loop, device));
  }
  std::deque<Slot> all;  // never moves them
  std::vector<Slot*> free;
  Answers answers;
};

Task<Result<std::unique_ptr<Device>>> LibiscsiDevice::open(Loop& loop, IscsiUrl url, Options options) {
  const Instant deadline = clock_now() + options.open_deadline;
  std::string host = url.host;
  Result<SocketAddress> address = co_await resolve(loop, std::move(host), url.port, deadline);
  if (!address) co_return address.error();
  LibiscsiSession::Login login = LibiscsiSession::login_of(url, *address);
  Result<std::unique_ptr<LibiscsiSession>> session =
      co_await LibiscsiSession::log_in(loop, std::move(login), deadline);
  if (!session) co_return session.error();

  Result<LunFacts> facts = co_await probe_lun(loop, **session, url.lun, deadline);
  if (facts && facts->peripheral_type != 0) {
    facts = Error{ErrorKind::refused, ENOTBLK,
                  fmt::format("LUN {} of {} is a {}, not a disk; `holdfast discover {}` lists the disks",
                              url.lun, url.target, peripheral_type_name(facts->peripheral_type),
                              "iscsi://" + url.portal())};
  }
  if (!facts) {
    co_await (*session)->close(std::chrono::seconds(1));
    co_return facts.error();
  }
  std::unique_ptr<Device> device(new LibiscsiDevice(loop, std::move(session).value(), *facts, url, options));
  co_return device;
}

LibiscsiDevice::LibiscsiDevice(Loop& loop, std::unique_ptr<LibiscsiSession> session, LunFacts facts,
                               const IscsiUrl& url, const Options& options)
    : loop_(loop),
      session_(std::move(session)),
      facts_(std::move(facts)),
      lun_(url.lun),
      echo_port_(url.echo_port),
      options_(options),
      transfer_bytes_max_(options.transfer_bytes_max),
      long_flush_(facts_.long_commands),
      slots_(std::make_unique<Slots>(loop, *this, options.depth_max)) {
  if (facts_.transfer_blocks_max != 0) {
    const std::uint64_t most = std::uint64_t{facts_.transfer_blocks_max} * facts_.block_bytes;
    transfer_bytes_max_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(transfer_bytes_max_, most));
  }
  negotiated_ = session_->negotiated();
  negotiated_["engine"] = "libiscsi";
  negotiated_["vendor"] = facts_.vendor;
  negotiated_["product"] = facts_.product;
  negotiated_["revision"] = facts_.revision;
  negotiated_["serial"] = facts_.serial;
  negotiated_["block_bytes"] = std::to_string(facts_.block_bytes);
  negotiated_["write_cache"] = facts_.write_cache ? "Yes" : "No";
  negotiated_["commands"] = facts_.long_commands ? "16 byte" : "10 byte";
}

LibiscsiDevice::~LibiscsiDevice() = default;

std::map<std::string, std::string> LibiscsiDevice::negotiated() const {
  std::map<std::string, std::string> all = negotiated_;
  if (!has_cache_command_) all["synchronize_cache"] = "not supported";
  if (sent_again_ > 0) all["commands_sent_again"] = std::to_string(sent_again_);
  return all;
}

WireUse LibiscsiDevice::wire() const {
  WireUse use = session_->wire();
  use.requests = commands_;
  return use;
}

std::size_t LibiscsiDevice::examine(std::span<ConnectionEvidence> into) const {
  if (into.empty()) return 0;
  ConnectionEvidence& evidence = into.front();
  evidence = {};
  session_->examine(evidence);
  const Slot* oldest = nullptr;
  for (const Slot& slot : slots_->all) {
    if (slot.task == nullptr) continue;
    ++evidence.owed;
    if (oldest == nullptr || slot.sent < oldest->sent) oldest = &slot;
  }
  if (oldest == nullptr) return 1;
  OwedRequest& owed = evidence.oldest.emplace();
  owed.tag = oldest->task->itt;
  owed.cmd_sn = oldest->task->cmdsn;
  owed.sent = oldest->sent;
  owed.offset = oldest->request->offset;
  owed.bytes = oldest->request->bytes;
  owed.cdb_bytes = static_cast<std::uint8_t>(std::clamp(oldest->task->cdb_size, 0, 16));
  std::copy_n(oldest->task->cdb, owed.cdb_bytes, owed.cdb.begin());
  return 1;
}

std::optional<PeerDoor> LibiscsiDevice::door() const {
  std::optional<PeerDoor> door = session_->door();
  if (door) door->echo_port = echo_port_;
  return door;
}

int LibiscsiDevice::refusal_of(const DeviceRequest& request) const {
  if (abandoned_) return ECANCELED;
  if (session_->failed()) return session_->failure().code;
  if (request.operation == DeviceOperation::flush) return 0;
  const std::uint32_t block = facts_.block_bytes;
  const bool fits = request.offset <= size() && request.bytes <= size() - request.offset &&
                    request.offset % block == 0 && request.bytes % block == 0 && request.bytes > 0;
  if (!fits || (carries_data(request) && request.bytes > transfer_bytes_max_)) return EINVAL;
  if (request.operation != DeviceOperation::read && facts_.write_protected) return EROFS;
  if (request.operation == DeviceOperation::unmap && !facts_.unmap) return EOPNOTSUPP;
  return 0;
}

void LibiscsiDevice::submit(DeviceRequest& request) {
  const int refusal = refusal_of(request);
  if (refusal != 0) return slots_->answers.push(request, refusal);
  CHECK(!slots_->free.empty());
  Slot& slot = *slots_->free.back();
  slots_->free.pop_back();
  slot.request = &request;
  slot.flushing = false;
  slot.busy = 0;
  slot.at_once = 0;
  send(slot);
}

void LibiscsiDevice::send(Slot& slot) {
  scsi_task* task = nullptr;
  int error = session_->failed() ? session_->failure().code : EIO;
  if (!session_->failed()) {
    session_->prepare(slot.call);
    task = start(slot);
    if (task == nullptr) {
      last_error_ = iscsi_get_error(session_->context());
      session_->withdraw(slot.call);
    }
  }
  if (task != nullptr) {
    slot.task = task;
    slot.sent = loop_.now();
    ++commands_;
    return session_->queued();
  }
  DeviceRequest& request = *std::exchange(slot.request, nullptr);
  slots_->free.push_back(&slot);
  slots_->answers.push(request, error);
}

scsi_task* LibiscsiDevice::start(Slot& slot) {
  DeviceRequest& request = *slot.request;
  if (slot.flushing || request.operation == DeviceOperation::flush) return start_flush(slot);
  if (request.operation == DeviceOperation::unmap) return start_unmap(slot);
  iscsi_context* context = session_->context();
  const int lun = lun_address(lun_);
  const std::uint64_t lba = request.offset / facts_.block_bytes;
  const auto bytes = static_cast<std::uint32_t>(request.bytes);
  const int block = static_cast<int>(facts_.block_bytes);
  const int pieces = static_cast<int>(request.vectors.size());
  scsi_iovec* vectors = vectors_of(request);
  const auto answer = &LibiscsiSession::answer;
  const int forced = request.durable && facts_.forced_access ? 1 : 0;
  const bool write = request.operation == DeviceOperation::write;
  if (facts_.long_commands) {
    if (write)
      return iscsi_write16_iov_task(context, lun, lba, nullptr, bytes, block, 0, 0, forced, 0, 0, answer,
                                    &slot.call, vectors, pieces);
    return iscsi_read16_iov_task(context, lun, lba, bytes, block, 0, 0, 0, 0, 0, answer, &slot.call, vectors,
                                 pieces);
  }
  const auto short_lba = static_cast<std::uint32_t>(lba);
  if (write)
    return iscsi_write10_iov_task(context, lun, short_lba, nullptr, bytes, block, 0, 0, forced, 0, 0, answer,
                                  &slot.call, vectors, pieces);
  return iscsi_read10_iov_task(context, lun, short_lba, bytes, block, 0, 0, 0, 0, 0, answer, &slot.call, vectors,
                               pieces);
}

scsi_task* LibiscsiDevice::start_flush(Slot& slot) {
  iscsi_context* context = session_->context();
  const int lun = lun_address(lun_);
  slot.flushed_long = long_flush_;
  if (long_flush_)
    return iscsi_synchronizecache16_task(context, lun, 0, 0, 0, 0, &LibiscsiSession::answer, &slot.call);
  return iscsi_synchronizecache10_task(context, lun, 0, 0, 0, 0, &LibiscsiSession::answer, &slot.call);
}

scsi_task* LibiscsiDevice::start_unmap(Slot& slot) {
  slot.range.lba = slot.request->offset / facts_.block_bytes;
  slot.range.num = static_cast<std::uint32_t>(slot.request->bytes / facts_.block_bytes);
  return iscsi_unmap_task(session_->context(), lun_address(lun_), 0, 0, &slot.range, 1, &LibiscsiSession::answer,
                          &slot.call);
}

void LibiscsiDevice::answered(LibiscsiCall& call) {
  Slot& slot = *static_cast<Slot*>(call.owner);
  LibiscsiDevice& device = slot.device();
  scsi_task* task = std::exchange(call.task, nullptr);
  slot.task = nullptr;
  const int status = call.status;
  std::uint8_t sense_key = 0;
  std::uint16_t asc_ascq = 0;
  bool whole = true;
  if (task != nullptr) {
    sense_key = static_cast<std::uint8_t>(task->sense.key);
    asc_ascq = static_cast<std::uint16_t>(task->sense.ascq);
    whole = task->residual_status == SCSI_RESIDUAL_NO_RESIDUAL || !carries_data(*slot.request);
    scsi_free_scsi_task(task);
  }
  if (status != SCSI_STATUS_GOOD) {
    if (device.try_again(slot, status, sense_key, asc_ascq)) return;
    return device.finish(slot, device.judge(slot, status, sense_key, asc_ascq));
  }
  if (!whole) {
    device.last_error_ = "the target moved fewer bytes than it was asked for and called it good";
    return device.finish(slot, EIO);
  }
  const DeviceRequest& request = *slot.request;
  const bool still_cached = request.operation == DeviceOperation::write && request.durable &&
                            device.facts_.write_cache && !device.facts_.forced_access;
  if (!still_cached || slot.flushing) return device.finish(slot, 0);
  slot.flushing = true;
  device.send(slot);
}

bool LibiscsiDevice::try_again(Slot& slot, int status, std::uint8_t sense_key, std::uint16_t asc_ascq) {
  if (session_->failed() || abandoned_) return false;
  const bool busy = status == SCSI_STATUS_BUSY || status == SCSI_STATUS_TASK_SET_FULL;
  const bool passing = status == SCSI_STATUS_TASK_ABORTED ||
                       (status == SCSI_STATUS_CHECK_CONDITION &&
                        (sense_key == SCSI_SENSE_UNIT_ATTENTION || sense_key == SCSI_SENSE_COMMAND_ABORTED));
  if (busy && slot.busy < busy_max) {
    const Duration pause = std::min(busy_pause_min * (1 << std::min(slot.busy, 6)), busy_pause_max);
    ++slot.busy;
    ++sent_again_;
    slot.arm(clock_now() + pause);
    return true;
  }
  const bool is_flush = slot.flushing || slot.request->operation == DeviceOperation::flush;
  if (is_flush && slot.flushed_long && status == SCSI_STATUS_CHECK_CONDITION && is_unknown(sense_key, asc_ascq)) {
    long_flush_ = false;
    send(slot);
    return true;
  }
  if (passing && slot.at_once < at_once_max) {
    ++slot.at_once;
    ++sent_again_;
    send(slot);
    return true;
  }
  return false;
}

/// The errno of an answer that stands, with its words in `last_error`.
int LibiscsiDevice::judge(Slot& slot, int status, std::uint8_t sense_key, std::uint16_t asc_ascq) {
  if (abandoned_) return ECANCELED;
  if (session_->failed()) {
    last_error_ = session_->failure().message;
    return session_->failure().code;
  }
  const bool is_flush = slot.flushing || slot.request->operation == DeviceOperation::flush;
  if (status == SCSI_STATUS_CHECK_CONDITION && is_flush && is_unknown(sense_key, asc_ascq)) {
    // A unit without the command has no cache to synchronise, as the kernel sees it too.
    has_cache_command_ = false;
    return 0;
  }
  last_error_ = fmt::format("LUN {}: {}", lun_, scsi_words(status, sense_key, asc_ascq));
  if (status == SCSI_STATUS_BUSY || status == SCSI_STATUS_TASK_SET_FULL) return EBUSY;
  if (status == SCSI_STATUS_RESERVATION_CONFLICT) return EBUSY;
  if (status != SCSI_STATUS_CHECK_CONDITION) return EIO;
  if (asc_ascq == space_allocation_failed) return ENOSPC;
  switch (sense_key) {
    case SCSI_SENSE_DATA_PROTECTION: return EROFS;
    case SCSI_SENSE_ILLEGAL_REQUEST: return EINVAL;
    case SCSI_SENSE_NOT_READY: return ENODEV;
    default: return EIO;
  }
}

void LibiscsiDevice::finish(Slot& slot, int error) {
  DeviceRequest& request = *std::exchange(slot.request, nullptr);
  slots_->free.push_back(&slot);
  request.error = error;
  request.done(request);
}

void LibiscsiDevice::abandon() {
  abandoned_ = true;
  for (Slot& slot : slots_->all) {
    if (!slot.armed()) continue;
    slot.disarm();
    slots_->answers.push(*std::exchange(slot.request, nullptr), ECANCELED);
    slots_->free.push_back(&slot);
  }
  session_->fail(Error{ErrorKind::cancelled, ECANCELED, "given up by us"});
}

Task<void> LibiscsiDevice::close(Duration deadline) { co_await session_->close(deadline); }

}  // namespace holdfast::initiator
