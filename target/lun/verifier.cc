#include "target/lun/verifier.h"

#include <algorithm>

#include "common/base/units.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

constexpr std::size_t piece_bytes_max = 256 * KiB;

}  // namespace

Verifier::Verifier(Store& store) : store_(store) {
  request_.owner = this;
  request_.done = [](StoreRequest& request) {
    static_cast<Verifier*>(request.owner)->piece_was_read();
  };
}

Verifier::~Verifier() {
  CHECK(first_ == nullptr);
}

void Verifier::submit(VerifyJob& job) {
  job.error = 0;
  job.failed_offset = 0;
  job.difference.reset();
  job.next_ = nullptr;
  job.verified_ = 0;
  if (first_ != nullptr) {
    last_->next_ = &job;
    last_ = &job;
    return;
  }
  first_ = last_ = &job;
  if (!buffer_) buffer_ = Buffer(piece_bytes_max);
  read_next_piece();
}

bool Verifier::withdraw(VerifyJob& job) {
  for (VerifyJob* before = first_; before != nullptr; before = before->next_) {
    if (before->next_ != &job) continue;
    before->next_ = job.next_;
    if (last_ == &job) last_ = before;
    return true;
  }
  return false;
}

void Verifier::read_next_piece() {
  const VerifyJob& job = *first_;
  vector_ =
      iovec{buffer_.data(), std::min<std::uint64_t>(piece_bytes_max, job.bytes - job.verified_)};
  request_.operation = StoreOperation::read;
  request_.offset = job.offset + job.verified_;
  request_.vectors = std::span(&vector_, 1);
  store_.submit(request_);
}

void Verifier::piece_was_read() {
  VerifyJob& job = *first_;
  // The store may have changed the vector.
  const std::uint64_t bytes = std::min<std::uint64_t>(piece_bytes_max, job.bytes - job.verified_);
  if (request_.error != 0) {
    job.error = request_.error;
    job.failed_offset = request_.failed_offset;
    return end_first_job();
  }
  if (job.compare && !job.given_up) {
    const std::size_t same =
        first_difference(job.expected, job.verified_, buffer_.span().first(bytes));
    if (same < bytes) {
      job.difference = job.verified_ + same;
      return end_first_job();
    }
  }
  job.verified_ += bytes;
  if (job.given_up || job.verified_ == job.bytes) return end_first_job();
  read_next_piece();
}

void Verifier::end_first_job() {
  VerifyJob& job = *first_;
  first_ = job.next_;
  if (first_ == nullptr) {
    last_ = nullptr;
    buffer_ = Buffer();
  } else {
    read_next_piece();
  }
  job.done(job);
}

}  // namespace holdfast::target
