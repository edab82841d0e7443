#include "target/session/command_window.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/serial_number.h"

namespace holdfast::target {

CommandWindow::CommandWindow(std::uint32_t exp_cmd_sn, std::uint32_t max_cmd_sn,
                             std::uint32_t width)
    : exp_cmd_sn_(exp_cmd_sn), max_cmd_sn_(max_cmd_sn), width_(std::clamp(width, 1U, width_max)) {
  CHECK(max_cmd_sn_ + 1 - exp_cmd_sn_ <= width_max);
}

bool CommandWindow::is_awaited(std::uint32_t cmd_sn) const {
  return serial_precedes_or_equals(exp_cmd_sn_, cmd_sn) &&
         serial_precedes_or_equals(cmd_sn, max_cmd_sn_) && !received_[cmd_sn % remembered_max];
}

CommandWindow::Verdict CommandWindow::admit(std::uint32_t cmd_sn) {
  if (!is_awaited(cmd_sn)) return Verdict::ignore;
  if (cmd_sn != exp_cmd_sn_) return Verdict::gap;
  ++exp_cmd_sn_;
  ++open_;
  pass_over_received();
  return Verdict::run;
}

void CommandWindow::consider_received(std::uint32_t cmd_sn) {
  CHECK(is_awaited(cmd_sn));
  received_.set(cmd_sn % remembered_max);
  pass_over_received();
}

void CommandWindow::pass_over_received() {
  while (received_[exp_cmd_sn_ % remembered_max]) {
    received_.reset(exp_cmd_sn_ % remembered_max);
    ++exp_cmd_sn_;
  }
}

void CommandWindow::finished() {
  CHECK(open_ > 0);
  --open_;
}

void CommandWindow::set_width(std::uint32_t width) { width_ = std::clamp(width, 1U, width_max); }

std::uint32_t CommandWindow::advance_max_cmd_sn() {
  const std::uint32_t room = width_ > open_ ? width_ - open_ : 0;
  const std::uint32_t wanted = exp_cmd_sn_ + room - 1;
  if (serial_precedes(max_cmd_sn_, wanted)) max_cmd_sn_ = wanted;
  return max_cmd_sn_;
}

}  // namespace holdfast::target
