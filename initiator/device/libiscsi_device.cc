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

static_assert(sizeof(scsi_iovec) == sizeof(iovec) && alignof(scsi_iovec) == alignof(iovec));

scsi_iovec* vectors_of(const DeviceRequest& request) {
  return reinterpret_cast<scsi_iovec*>(request.vectors.data());
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
  CommandAttempts attempts;
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
  if (url.data_digest)
    co_return Error{ErrorKind::invalid_input, EINVAL,
                    "data_digest=crc32c: libiscsi 1.19 has no data digests; --engine native has"};
  const Instant deadline = clock_now() + options.open_deadline;
  std::string host = url.host;
  Result<SocketAddress> address = co_await resolve(loop, std::move(host), url.port, deadline);
  if (!address) co_return address.error();
  IscsiLogin login = IscsiLogin::of(url, *address);
  login.isid = options.isid;
  Result<std::unique_ptr<LibiscsiSession>> session =
      co_await LibiscsiSession::log_in(loop, std::move(login), deadline);
  if (!session) co_return session.error();

  Result<LunFacts> facts = co_await probe_disk(loop, **session, url, deadline);
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
      transfer_bytes_max_(transfer_bytes_of(facts_, options.transfer_bytes_max)),
      long_flush_(facts_.long_commands),
      slots_(std::make_unique<Slots>(loop, *this, options.depth_max)) {
  negotiated_ = words_of(facts_);
  negotiated_.merge(session_->negotiated());
  negotiated_["engine"] = to_string(IscsiEngine::libiscsi);
}

LibiscsiDevice::~LibiscsiDevice() = default;

std::map<std::string, std::string> LibiscsiDevice::negotiated() const {
  std::map<std::string, std::string> all = negotiated_;
  if (!has_cache_command_) all["synchronize_cache"] = "not supported";
  if (sent_again_ > 0) all["commands_sent_again"] = std::to_string(sent_again_);
  return all;
}

std::string LibiscsiDevice::last_error() const {
  const bool broke = session_->failed() && session_->failure().kind != ErrorKind::cancelled;
  return last_error_.empty() && broke ? session_->failure().message : last_error_;
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
  return initiator::refusal_of(request, facts_, transfer_bytes_max_);
}

void LibiscsiDevice::submit(DeviceRequest& request) {
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
  ScsiAnswer answer{.status = call.status};
  bool whole = true;
  if (task != nullptr) {
    answer.sense_key = static_cast<std::uint8_t>(task->sense.key);
    answer.asc_ascq = static_cast<std::uint16_t>(task->sense.ascq);
    whole = task->residual_status == SCSI_RESIDUAL_NO_RESIDUAL || !carries_data(*slot.request);
    scsi_free_scsi_task(task);
  }
  if (answer.status != SCSI_STATUS_GOOD) {
    if (device.try_again(slot, answer)) return;
    return device.finish(slot, device.judge(slot, answer));
  }
  if (!whole) {
    device.last_error_ = moved_too_little;
    return device.finish(slot, EIO);
  }
  const DeviceRequest& request = *slot.request;
  const bool still_cached = request.operation == DeviceOperation::write && request.durable &&
                            device.facts_.write_cache && !device.facts_.forced_access;
  if (!still_cached || slot.flushing) return device.finish(slot, 0);
  slot.flushing = true;
  device.send(slot);
}

bool LibiscsiDevice::try_again(Slot& slot, const ScsiAnswer& answer) {
  if (session_->failed() || abandoned_) return false;
  const bool is_flush = slot.flushing || slot.request->operation == DeviceOperation::flush;
  if (is_flush && slot.flushed_long && is_unknown_command(answer)) {
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
int LibiscsiDevice::judge(Slot& slot, const ScsiAnswer& answer) {
  if (abandoned_) return ECANCELED;
  if (session_->failed()) {
    last_error_ = session_->failure().message;
    return session_->failure().code;
  }
  const bool is_flush = slot.flushing || slot.request->operation == DeviceOperation::flush;
  if (is_flush && is_unknown_command(answer)) {
    // A unit without the command has no cache to synchronise, as the kernel sees it too.
    has_cache_command_ = false;
    return 0;
  }
  last_error_ = fmt::format("LUN {}: {}", lun_, scsi_words(answer.status, answer.sense_key, answer.asc_ascq));
  return errno_of(answer);
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
