#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include "common/base/check.h"

namespace holdfast {

/// What went wrong, as far as control flow cares. Words for people are in `Error::message`.
enum class ErrorKind {
  system,         // the kernel said no: `Error::code` is an errno
  peer_closed,    // the other end closed the connection
  timed_out,      // a deadline of ours passed
  protocol,       // the other end broke its protocol
  refused,        // the other end said no, in order
  invalid_input,  // a file, an argument or a value of the user's is wrong
  cancelled,      // we gave it up ourselves
  out_of_space,   // the medium or the device is full
};

/// A failure of the world around us: a kind for code, an errno where there is one, words for people.
struct Error {
  ErrorKind kind = ErrorKind::system;
  int code = 0;
  std::string message;

  /// An errno, with what was being done: "open /srv/a.img: No such file or directory".
  static Error from_errno(int code, std::string doing) {
    doing += ": ";
    doing += std::generic_category().message(code);
    ErrorKind kind = code == ENOSPC ? ErrorKind::out_of_space
                                    : (code == ECANCELED ? ErrorKind::cancelled : ErrorKind::system);
    return Error{kind, code, std::move(doing)};
  }
};

/// A value or an Error. Asking for the one that is not there is our bug and fails a CHECK.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  explicit operator bool() const { return held_.index() == 0; }
  bool ok() const { return held_.index() == 0; }

  T& value() & {
    CHECK(ok());
    return *std::get_if<0>(&held_);
  }
  const T& value() const& {
    CHECK(ok());
    return *std::get_if<0>(&held_);
  }
  T&& value() && {
    CHECK(ok());
    return std::move(*std::get_if<0>(&held_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& {
    CHECK(!ok());
    return *std::get_if<1>(&held_);
  }
  Error&& error() && {
    CHECK(!ok());
    return std::move(*std::get_if<1>(&held_));
  }

 private:
  std::variant<T, Error> held_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT

  explicit operator bool() const { return !failed_; }
  bool ok() const { return !failed_; }
  const Error& error() const {
    CHECK(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace holdfast
