#include "target/lun/record_keeper.h"

#include <system_error>
#include <utility>

#include "common/base/check.h"
#include "common/base/log.h"

namespace holdfast::target {

RecordKeeper::RecordKeeper(std::unique_ptr<StateFile> file) : file_(std::move(file)) {
  idle_.set();
}

RecordKeeper::~RecordKeeper() {
  CHECK(!saving_);
}

void RecordKeeper::save(std::string content) {
  wanted_ = std::move(content);
  if (saving_) {
    again_ = true;
    return;
  }
  idle_.reset();
  start();
}

void RecordKeeper::start() {
  saving_ = true;
  again_ = false;
  file_->save(wanted_, [this](int error) { ended(error); });
}

void RecordKeeper::ended(int error) {
  error_ = error;
  if (error != 0)
    log(LogLevel::error, "{}: it cannot be kept: {}", file_->describe(),
        std::generic_category().message(error));
  if (again_) return start();
  saving_ = false;
  idle_.set();
  const std::vector<std::function<void()>> waiting = std::exchange(waiting_, {});
  for (const std::function<void()>& finished : waiting) finished();
}

void RecordKeeper::tell_when_saved(std::function<void()> finished) {
  if (!saving_) return finished();
  waiting_.push_back(std::move(finished));
}

}  // namespace holdfast::target
