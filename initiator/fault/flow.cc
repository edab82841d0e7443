#include "initiator/fault/flow.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace holdfast::initiator {
namespace {

constexpr std::size_t read_bytes = 64 * KiB;
constexpr std::size_t later_bytes_most = 4 * MiB;
/// A message that is sent later does not wait longer than this for others.
constexpr Duration later_time_most = std::chrono::seconds(1);
/// What comes so soon after what came before has its moment, or there would be no bound to their number.
constexpr Duration release_step = std::chrono::microseconds(200);

}  // namespace

std::uint64_t Allowance::at(std::uint64_t bytes_per_second, Instant now) {
  if (bytes_per_second == 0) return std::numeric_limits<std::uint64_t>::max();
  const auto rate = static_cast<double>(bytes_per_second);
  const double seconds = std::chrono::duration<double>(now - counted_at_).count();
  const double most = std::max(rate / 20, 2.0 * least);  // What is not used is lost after 50 ms.
  bytes_ = counted_at_ == Instant{} ? most : std::min(most, bytes_ + seconds * rate);
  counted_at_ = now;
  return bytes_ < least ? 0 : static_cast<std::uint64_t>(bytes_);
}

void Allowance::spend(std::uint64_t bytes) { bytes_ -= static_cast<double>(bytes); }

Instant Allowance::next(std::uint64_t bytes_per_second) const {
  const double seconds = (2.0 * least - bytes_) / static_cast<double>(bytes_per_second);
  return counted_at_ + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::max(seconds, 0.001)));
}

std::span<std::byte> Flow::room() {
  if (rules_.state(way_).held && !shut_) return {};
  if (!being_sent_) make_room();
  return std::span(buffer_).subspan(end_).first(std::min(buffer_.size() - end_, 4 * read_bytes));
}

void Flow::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() - end_ < read_bytes && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, there());
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < read_bytes && buffer_.size() < bytes_most)
    buffer_.resize(std::min(std::max(2 * buffer_.size(), 4 * read_bytes), bytes_most));
}

void Flow::arrived(std::size_t bytes, Instant now) {
  const Duration delay = rules_.draw_delay(way_);
  if (releases_.empty()) released_ = taken_ + there();  // What came before waits for nothing.
  end_ += bytes;
  if (delay == Duration(0) && releases_.empty()) return;
  const std::uint64_t end = taken_ + there();
  // Nothing overtakes what came before it.
  const Instant at = std::max(now + delay, releases_.empty() ? Instant{} : releases_.back().at);
  if (!releases_.empty() && at - releases_.back().at < release_step)
    releases_.back().end = end;
  else
    releases_.push_back({.end = end, .at = at});
}

/// How many bytes have waited long enough.
std::size_t Flow::released(Instant now) {
  while (!releases_.empty() && releases_.front().at <= now) {
    released_ = releases_.front().end;
    releases_.pop_front();
  }
  if (releases_.empty()) return there();
  return released_ > taken_ ? static_cast<std::size_t>(released_ - taken_) : 0;
}

void Flow::take_away(std::size_t bytes) {
  begin_ += bytes;
  taken_ += bytes;
  left_ -= std::min<std::uint64_t>(left_, bytes);
}

void Flow::spoil(const MessageFate& fate, const Message& message) {
  if (!fate.spoilt) return;
  switch (*fate.spoilt) {
    case MessagePart::header: spoilt_at_ = taken_ + message.spoilt_header_byte; return;
    // Beyond the middle, which is a sector's first byte more often than not, and may be nobody's.
    case MessagePart::data:
      spoilt_at_ = taken_ + message.data.offset + message.data.bytes / 2 + message.data.bytes / 16;
      return;
    case MessagePart::header_digest: spoilt_at_ = taken_ + message.header_digest.offset; return;
    case MessagePart::data_digest: spoilt_at_ = taken_ + message.data_digest.offset; return;
  }
}

/// At a message's start: finds out what becomes of it. False while too little of it has come.
bool Flow::begin_message(std::size_t released_bytes, Instant now) {
  const Found found = framing_.look(way_, std::span<const std::byte>(buffer_).subspan(begin_, released_bytes));
  const bool broken_off = found.what == Found::What::need_more && ended_;
  if (found.what == Found::What::need_more && !broken_off) return false;
  if (found.what == Found::What::bytes || broken_off) {
    bytes_only_ = true;
    fate_ = {};
    left_ = std::numeric_limits<std::uint64_t>::max();
    return true;
  }
  fate_ = rules_.meet(found.message, connection_, now);
  left_ = found.message.bytes;
  spoil(fate_, found.message);
  if (fate_.kind == MessageFate::Kind::later && later_bytes_ + left_ > later_bytes_most)
    fate_.kind = MessageFate::Kind::pass;  // There is no room for it.
  if (fate_.kind == MessageFate::Kind::pass) goes_before_others(now);
  if (fate_.kind != MessageFate::Kind::later) return true;
  Later& later = later_.emplace_back();
  later.places = fate_.places;
  later.at_the_latest = now + later_time_most;
  later.bytes.reserve(left_);
  later_bytes_ += left_;
  return true;
}

/// The message that passes now is one of those that others were to wait for.
void Flow::goes_before_others(Instant now) {
  for (Later& later : later_) {
    if (later.places == 1) later.at_the_latest = now;
    if (later.places > 1) --later.places;
  }
}

void Flow::keep_for_later(std::size_t bytes) {
  Later& later = later_.back();
  const auto* from = buffer_.data() + begin_;
  later.bytes.insert(later.bytes.end(), from, from + bytes);
  take_away(bytes);
  later.complete = left_ == 0;
}

bool Flow::is_due(const Later& later, Instant now) const {
  if (!later.complete) return false;
  return later.places == 0 ? !rules_.state(way_).statsn_held : later.at_the_latest <= now;
}

/// The next message that others have gone before.
std::span<const std::byte> Flow::next_late(Instant now) {
  if (!sending_late_) {
    const auto due = std::find_if(later_.begin(), later_.end(), [&](const Later& later) { return is_due(later, now); });
    if (due == later_.end()) return {};
    std::rotate(later_.begin(), due, due + 1);
    sending_late_ = true;
    late_sent_ = 0;
  }
  const std::vector<std::byte>& bytes = later_.front().bytes;
  return std::span(bytes).subspan(late_sent_, bytes_that_may_pass(bytes.size() - late_sent_, now));
}

std::size_t Flow::bytes_that_may_pass(std::size_t most, Instant now) {
  const std::uint64_t allowed = std::min(allowance_.at(rules_.state(way_).bytes_per_second, now), rules_.bytes_until_a_step(way_));
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, allowed));
}

std::span<const std::byte> Flow::next(Instant now) {
  const std::span<const std::byte> bytes = what_may_go(now);
  being_sent_ = !bytes.empty();
  return bytes;
}

std::span<const std::byte> Flow::what_may_go(Instant now) {
  if (shut_) {
    releases_.clear();
    take_away(there());
    return {};
  }
  while (!rules_.has_orders() && !rules_.state(way_).held) {
    if (left_ == 0 || sending_late_) {
      const std::span<const std::byte> late = next_late(now);
      if (!late.empty() || sending_late_) return late;
    }
    const std::size_t ready = released(now);
    if (ready == 0) return {};
    if (left_ == 0) {
      if (!begin_message(ready, now)) return {};
      continue;  // A step may have changed everything.
    }
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(left_, ready));
    if (bytes_only_ && rules_.state(way_).swallowed) {
      take_away(here);
      continue;
    }
    if (fate_.kind == MessageFate::Kind::drop) {
      take_away(here);
      continue;
    }
    if (bytes_only_ && rules_.spoils_bytes(way_, connection_, now)) spoilt_at_ = taken_;
    if (spoilt_at_ && *spoilt_at_ < taken_ + here) {
      buffer_[begin_ + static_cast<std::size_t>(*spoilt_at_ - taken_)] ^= std::byte{1};
      spoilt_at_.reset();
    }
    if (fate_.kind == MessageFate::Kind::later) {
      keep_for_later(here);
      continue;
    }
    return std::span<const std::byte>(buffer_).subspan(begin_, bytes_that_may_pass(here, now));
  }
  return {};
}

void Flow::sent(std::size_t bytes, Instant now) {
  being_sent_ = false;
  allowance_.spend(bytes);
  if (sending_late_) {
    late_sent_ += bytes;
    if (late_sent_ == later_.front().bytes.size()) {
      later_bytes_ -= late_sent_;
      later_.pop_front();
      sending_late_ = false;
    }
  } else {
    take_away(bytes);
  }
  rules_.passed(way_, bytes, now);
}

std::optional<Instant> Flow::wakes(Instant now) const {
  const PathState& state = rules_.state(way_);
  if (state.held) return std::nullopt;  // A step ends that.
  std::optional<Instant> next;
  const auto consider = [&next](Instant moment) {
    if (!next || moment < *next) next = moment;
  };
  if (!releases_.empty()) consider(std::max(releases_.front().at, now));
  for (const Later& later : later_)
    if (later.complete && later.places > 0) consider(std::max(later.at_the_latest, now));
  if (state.bytes_per_second != 0 && (there() > 0 || !later_.empty())) consider(std::max(allowance_.next(state.bytes_per_second), now));
  return next;
}

}  // namespace holdfast::initiator
