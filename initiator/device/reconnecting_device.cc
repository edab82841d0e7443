#include "initiator/device/reconnecting_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "initiator/device/deadline.h"

namespace holdfast::initiator {
namespace {

/// How often a peer is pinged while something is in flight, and its silence looked at.
constexpr Duration pulse_every = std::chrono::seconds(1);

std::string seconds_text(Duration time) { return fmt::format("{:.1f} s", std::chrono::duration<double>(time).count()); }

}  // namespace

class ReconnectingDevice::Pulse final : public Timer {
 public:
  Pulse(Loop& loop, ReconnectingDevice& device) : Timer(loop), device_(device) {}
  ~Pulse() = default;

 private:
  void expire() override { device_.look_for_silence(); }
  ReconnectingDevice& device_;
};

ReconnectingDevice::ReconnectingDevice(Loop& loop, std::unique_ptr<Device> first, Factory factory,
                                       const Options& options, ReconnectListener* listener)
    : loop_(loop),
      factory_(std::move(factory)),
      options_(options),
      listener_(listener),
      session_(std::move(first)),
      identity_(DeviceIdentity::of(*session_)),
      transfer_bytes_max_(session_->transfer_bytes_max()),
      depth_max_(session_->depth_max()),
      read_only_(session_->read_only()),
      transport_(session_->transport()),
      slots_(depth_max_),
      answers_(loop, depth_max_),
      pulse_(std::make_unique<Pulse>(loop, *this)) {
  free_.reserve(depth_max_);
  waiting_.reserve(depth_max_);
  for (Slot& slot : slots_) {
    slot.device = this;
    free_.push_back(&slot);
  }
}

ReconnectingDevice::~ReconnectingDevice() { CHECK(work_.running() == 0); }

std::map<std::string, std::string> ReconnectingDevice::negotiated() const {
  std::map<std::string, std::string> all = session_ != nullptr ? session_->negotiated() : last_facts_;
  if (reconnects_ > 0) all["reconnects"] = std::to_string(reconnects_);
  return all;
}

std::string ReconnectingDevice::last_error() const {
  if (!own_words_.empty() || session_ == nullptr) return own_words_;
  return session_->last_error();
}

WireUse ReconnectingDevice::wire() const {
  WireUse use = earlier_sessions_;
  if (session_ != nullptr) use += session_->wire();
  return use;
}

void ReconnectingDevice::submit(DeviceRequest& request) {
  if (abandoned_) return answers_.push(request, ECANCELED);
  if (given_up_) return answers_.push(request, lost_error_);
  CHECK(!free_.empty());
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.request = &request;
  slot.number = submitted_++;
  slot.was_below = false;
  if (is_connected() && !session_->lost()) return send(slot);
  waiting_.push_back(&slot);
  if (is_connected()) session_broke();  // While nothing was in flight.
}

void ReconnectingDevice::send(Slot& slot) {
  const DeviceRequest& request = *slot.request;
  slot.vectors.assign(request.vectors.begin(), request.vectors.end());
  slot.below.operation = request.operation;
  slot.below.durable = request.durable;
  slot.below.offset = request.offset;
  slot.below.bytes = request.bytes;
  slot.below.file = request.file;
  slot.below.vectors = slot.vectors;
  slot.below.error = 0;
  slot.below.owner = &slot;
  slot.below.done = &ReconnectingDevice::answered;
  slot.was_below = true;
  if (++below_ == 1 && !pulse_->armed()) pulse_->arm(loop_.now() + pulse_every);
  session_->submit(slot.below);
}

void ReconnectingDevice::answered(DeviceRequest& below) {
  Slot& slot = *static_cast<Slot*>(below.owner);
  ReconnectingDevice& device = *slot.device;
  --device.below_;
  const bool broken = device.seeking_ || device.silent_ || device.session_->lost();
  if (below.error == 0 || device.abandoned_ || !broken) {
    if (below.error == 0 && below.operation == DeviceOperation::write && !below.durable) ++device.unflushed_;
    if (below.error == 0 && below.operation == DeviceOperation::flush) device.unflushed_ = 0;
    device.finish(slot, device.abandoned_ ? ECANCELED : below.error);
  } else {
    device.waiting_.push_back(&slot);
    if (!device.seeking_) device.session_broke();
  }
  device.changed_.set();
}

void ReconnectingDevice::finish(Slot& slot, int error) {
  DeviceRequest& request = *std::exchange(slot.request, nullptr);
  free_.push_back(&slot);
  request.error = error;
  request.done(request);
}

/// From nobody's question: later in this turn.
void ReconnectingDevice::answer_all(int error) {
  for (Slot* slot : waiting_) {
    answers_.push(*std::exchange(slot->request, nullptr), error);
    free_.push_back(slot);
  }
  waiting_.clear();
}

void ReconnectingDevice::session_broke() {
  seeking_ = true;
  lost_at_ = loop_.now();
  lost_words_ = silent_ ? own_words_ : session_->last_error();
  const Slot& first = *waiting_.back();
  lost_error_ = silent_ ? ETIMEDOUT : (first.was_below ? first.below.error : ECONNRESET);
  if (lost_words_.empty()) lost_words_ = "the connection broke";
  own_words_.clear();
  attempt_words_.clear();
  pulse_->disarm();
  work_.spawn(come_back());
}

/// While requests are in flight: a peer that is alive answers pings, however busy its storage is.
void ReconnectingDevice::look_for_silence() {
  if (!is_connected() || below_ == 0) return;
  std::array<ConnectionEvidence, 8> connections;
  const std::size_t count = std::min(session_->examine(connections), connections.size());
  for (const ConnectionEvidence& one : std::span(connections).first(count)) {
    const bool asked = one.ping.asked > one.ping.answered;
    const Duration silence = loop_.now() - std::max(one.last_received, Instant{});
    const bool long_asked = asked && loop_.now() - one.ping.last_asked >= options_.silence_max;
    if (!long_asked || silence < options_.silence_max) continue;
    own_words_ = fmt::format("the peer said nothing for {}, pings included", seconds_text(silence));
    silent_ = true;
    return session_->abandon();
  }
  session_->ping();
  pulse_->arm(loop_.now() + pulse_every);
}

Task<void> ReconnectingDevice::come_back() {
  // Everything of the old session first, so that nothing of it is left here.
  while (below_ > 0) {
    changed_.reset();
    co_await changed_.wait();
  }
  co_await retire_session(Duration(0));
  silent_ = false;
  if (abandoned_) co_return;
  if (lingers()) {
    give_up(lost_words_ + "; writes were in flight, and nothing says whether they will still be carried out, so it "
                          "was not sought again");
    co_return;
  }
  const bool found = co_await seek();
  if (abandoned_) co_return;
  if (found)
    resume();
  else
    give_up(fmt::format("{}; not back within {} and {} attempts: {}", lost_words_, seconds_text(options_.time),
                        attempts_, attempt_words_));
}

/// Whether something that was in flight must not be sent again.
bool ReconnectingDevice::lingers() const {
  return std::any_of(waiting_.begin(), waiting_.end(), [this](const Slot* slot) {
    return slot->was_below && !may_be_sent_again(slot->request->operation, options_.old_commands);
  });
}

Task<bool> ReconnectingDevice::seek() {
  ReconnectSchedule schedule(lost_at_, options_.time);
  attempts_ = 0;
  for (;;) {
    const std::optional<Instant> next = schedule.next_attempt();
    if (!next || abandoned_) co_return false;
    {
      Deadline pause(loop_, changed_, *next);
      while (!pause.passed() && !abandoned_) {
        changed_.reset();
        co_await changed_.wait();
      }
    }
    if (abandoned_) co_return false;
    ++attempts_;
    Result<std::unique_ptr<Device>> opened = co_await factory_(schedule.limit_of_attempt(clock_now()));
    if (opened) {
      session_ = std::move(opened).value();
      attempt_words_ = identity_.difference(DeviceIdentity::of(*session_));
      if (attempt_words_.empty() && !abandoned_) co_return true;
      co_await retire_session(std::chrono::milliseconds(500));
      co_return false;  // Another disk: it will not become ours by asking again.
    }
    attempt_words_ = opened.error().message;
    schedule.failed(clock_now());
  }
}

Task<void> ReconnectingDevice::retire_session(Duration deadline) {
  if (session_ == nullptr) co_return;
  co_await session_->close(deadline);
  drained_ = drained_ && session_->drained();
  earlier_sessions_ += session_->wire();
  last_facts_ = session_->negotiated();
  if (!session_->drained()) static_cast<void>(session_.release());
  session_.reset();
}

/// The peer is back: what was in flight goes again, in its order, before anything newer.
void ReconnectingDevice::resume() {
  ++reconnects_;
  const bool volatile_cache = [this] {
    const auto facts = session_->negotiated();
    const auto cache = facts.find("write_cache");
    return cache == facts.end() || cache->second != "No";
  }();
  std::string words = fmt::format("{}; back after {} attempt{}", lost_words_, attempts_, attempts_ == 1 ? "" : "s");
  words += fmt::format(", {} requests sent again", waiting_.size());
  if (volatile_cache && unflushed_ > 0)
    words += fmt::format("; {} writes since the last flush were in the peer's cache, which it may have lost", unflushed_);
  std::sort(waiting_.begin(), waiting_.end(), [](const Slot* a, const Slot* b) { return a->number < b->number; });
  std::vector<Slot*> again;
  again.swap(waiting_);
  waiting_.reserve(depth_max_);
  seeking_ = false;
  own_words_.clear();
  for (Slot* slot : again) send(*slot);
  if (listener_ != nullptr) listener_->reconnected({.lasted = clock_now() - lost_at_, .words = std::move(words)});
}

void ReconnectingDevice::give_up(std::string why) {
  given_up_ = true;
  seeking_ = false;
  own_words_ = std::move(why);
  answer_all(lost_error_);
}

void ReconnectingDevice::abandon() {
  if (abandoned_) return;
  abandoned_ = true;
  pulse_->disarm();
  answer_all(ECANCELED);
  changed_.set();
  if (session_ != nullptr && !seeking_) session_->abandon();
}

Task<void> ReconnectingDevice::close(Duration deadline) {
  abandoned_ = true;  // Nothing is in flight, and nothing is sought any more.
  pulse_->disarm();
  changed_.set();
  co_await work_.join();
  if (session_ == nullptr) co_return;
  co_await session_->close(deadline);
  drained_ = drained_ && session_->drained();
}

}  // namespace holdfast::initiator
