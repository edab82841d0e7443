#include "target/lun/medium_job.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <utility>

#include "common/base/log.h"
#include "common/base/units.h"

namespace holdfast::target {
namespace {

/// How much is done between two flushes, after each of which the progress is remembered.
constexpr std::uint64_t leg_bytes = 64 * MiB;
constexpr std::size_t pattern_bytes_max = 4096;

/// The next word of a line as a number.
std::optional<std::uint64_t> take_number(std::string_view& text, int base = 10) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

std::string JobPlan::encode() const {
  std::string text = fmt::format("{} {} {} {} {} ", static_cast<int>(kind), passes, invert ? 1 : 0,
                                 unrestricted_exit ? 1 : 0, done);
  for (std::uint8_t byte : pattern) text += fmt::format("{:02x}", byte);
  return text;
}

std::optional<JobPlan> JobPlan::decode(std::string_view text) {
  const auto kind = take_number(text);
  const auto passes = take_number(text);
  const auto invert = take_number(text);
  const auto exit = take_number(text);
  const auto done = take_number(text);
  if (!kind || !passes || !invert || !exit || !done) return std::nullopt;
  if (*kind > 2 || *passes < 1 || *passes > 31 || *invert > 1 || *exit > 1) return std::nullopt;
  JobPlan plan{.kind = static_cast<Kind>(*kind),
               .passes = static_cast<std::uint8_t>(*passes),
               .invert = *invert == 1,
               .unrestricted_exit = *exit == 1,
               .pattern = {},
               .done = *done};
  while (text.starts_with(' ')) text.remove_prefix(1);
  if (text.size() % 2 != 0 || text.size() / 2 > pattern_bytes_max) return std::nullopt;
  for (; !text.empty(); text.remove_prefix(2)) {
    std::string_view digits = text.substr(0, 2);
    const auto byte = take_number(digits, 16);
    if (!byte || !digits.empty()) return std::nullopt;
    plan.pattern.push_back(static_cast<std::uint8_t>(*byte));
  }
  if ((plan.kind == Kind::overwrite) == plan.pattern.empty()) return std::nullopt;
  return plan;
}

MediumJob::MediumJob(Store& store, RangeLocks& locks, WorkBuffers& buffers,
                     std::uint32_t block_bytes, std::function<Task<int>()> prepare,
                     std::function<void()> changed)
    : store_(store),
      locks_(locks),
      buffers_(buffers),
      block_bytes_(block_bytes),
      prepare_(std::move(prepare)),
      changed_(std::move(changed)) {
}

MediumJob::~MediumJob() {
  CHECK(!running_);
}

void MediumJob::start(JobPlan plan) {
  CHECK(!running_);
  plan_ = std::move(plan);
  running_ = true;
  failed_ = stop_ = false;
  changed_();
  run();
}

std::optional<scsi::Sense> MediumJob::sense() const {
  if (failed_)
    return scsi::Sense{.key = scsi::SenseKey::medium_error,
                       .additional = scsi::additional_sense::sanitize_command_failed};
  if (!plan_) return std::nullopt;
  const bool formats = plan_->kind == JobPlan::Kind::format;
  const double all = static_cast<double>(store_.size()) * plan_->passes;
  const double part = std::min(static_cast<double>(plan_->done) / all, 0.9999);
  return scsi::Sense{.key = scsi::SenseKey::not_ready,
                     .additional = formats ? scsi::additional_sense::format_in_progress
                                           : scsi::additional_sense::sanitize_in_progress,
                     .progress = static_cast<std::uint16_t>(part * 65'536)};
}

bool MediumJob::exit_failure_mode() {
  if (!failed_ || !plan_->unrestricted_exit) return false;
  failed_ = false;
  plan_.reset();
  changed_();
  return true;
}

void MediumJob::stop_and_tell(std::function<void()> stopped) {
  if (!running_) return stopped();
  stop_ = true;
  stopped_ = std::move(stopped);
}

Shell MediumJob::run() {
  int error = 0;
  {
    RangeHold hold(locks_);
    co_await hold.take(RangeLock::Mode::exclusive, 0, store_.size());
    Task<int> preparing = prepare_();
    error = co_await preparing;
    if (error == 0) {
      Task<int> work = plan_->kind == JobPlan::Kind::overwrite ? overwrite() : erase();
      error = co_await work;
    }
  }
  running_ = false;
  last_error_ = error;
  if (error != 0) {
    log(LogLevel::error, "{}: it could not be {}: {}", store_.describe(),
        plan_->kind == JobPlan::Kind::format ? "formatted" : "sanitized",
        std::generic_category().message(error));
    failed_ = plan_->kind != JobPlan::Kind::format;
  }
  if (!failed_ && !stop_) {
    plan_.reset();
    changed_();
  }
  if (stopped_) std::exchange(stopped_, nullptr)();
}

/// The pattern again and again in each block, inverted in every second pass if that is planned: the
/// last pass writes it as it is.
void MediumJob::fill(std::span<std::byte> bytes, std::uint64_t pass) const {
  const bool inverted = plan_->invert && (plan_->passes - 1 - pass) % 2 == 1;
  const std::uint8_t flip = inverted ? 0xff : 0x00;
  const std::span<std::byte> block = bytes.first(std::min<std::size_t>(bytes.size(), block_bytes_));
  for (std::size_t i = 0; i < block.size(); ++i)
    block[i] = std::byte(plan_->pattern[i % plan_->pattern.size()] ^ flip);
  for (std::size_t at = block.size(); at < bytes.size(); at += block.size())
    std::memcpy(bytes.data() + at, block.data(), std::min(block.size(), bytes.size() - at));
}

Task<int> MediumJob::overwrite() {
  StoreStep step(store_);
  WorkBuffers::Loan loan(buffers_);
  const std::uint64_t size = store_.size();
  const std::uint64_t all = size * plan_->passes;
  std::uint64_t leg_end = plan_->done + leg_bytes;
  while (plan_->done < all && !stop_) {
    const std::uint64_t at = plan_->done % size;
    const std::size_t now = std::min<std::uint64_t>(size - at, WorkBuffers::buffer_bytes);
    co_await loan.take();
    fill(loan.bytes().first(now), plan_->done / size);
    const int error = co_await step.write(at, loan.vectors(now), false);
    loan.give_back();
    if (error != 0) co_return error;
    plan_->done += now;
    if (plan_->done < leg_end && plan_->done % size != 0) continue;
    leg_end = plan_->done + leg_bytes;
    const int flush_error = co_await step.flush();
    if (flush_error != 0) co_return flush_error;
    changed_();
  }
  co_return 0;
}

Task<int> MediumJob::erase() {
  StoreStep step(store_);
  constexpr std::uint64_t piece = 1 * GiB;
  const StoreOperation operation =
      plan_->kind == JobPlan::Kind::block_erase ? StoreOperation::unmap : StoreOperation::anchor;
  while (plan_->done < store_.size() && !stop_) {
    const std::uint64_t now = std::min(store_.size() - plan_->done, piece);
    const int error = co_await step.change(operation, plan_->done, now, true);
    if (error != 0) co_return error;
    plan_->done += now;
    changed_();
  }
  co_return 0;
}

}  // namespace holdfast::target
