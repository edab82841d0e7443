#include "initiator/watch/file_names.h"

#include <limits>
#include <utility>

namespace holdfast::initiator {

std::uint32_t FileNames::add(std::string name) {
  // When the numbers are used up they start again; four thousand million files later, every
  // operation on the old ones is long over.
  if (names_.size() >= std::numeric_limits<std::uint32_t>::max() - first_) {
    while (!names_.empty()) forget_oldest();
    first_ = 1;
  }
  bytes_ += name.size();
  names_.push_back(std::move(name));
  const auto number = static_cast<std::uint32_t>(first_ + names_.size() - 1);
  while (names_.size() > 1 && (names_.size() > limits_.names || bytes_ > limits_.bytes)) forget_oldest();
  return number;
}

const std::string& FileNames::name(std::uint32_t number) const {
  static const std::string none;
  if (number < first_ || number - first_ >= names_.size()) return none;
  return names_[number - first_];
}

void FileNames::forget_oldest() {
  forgetting_(first_, names_.front());
  bytes_ -= names_.front().size();
  names_.pop_front();
  ++first_;
}

}  // namespace holdfast::initiator
