#pragma once

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace holdfast {

/// One kernel operation as a value. The memory that it points to belongs to the kernel until its
/// Completion has run. Results are those of the system call of the same name, errors as -errno.
class Operation {
 public:
  /// preadv2 at `offset`; `flags` are RWF_….
  static Operation readv(int fd, const iovec* vectors, unsigned count, std::uint64_t offset, int flags = 0) {
    return Operation(Code::readv, fd, vectors, count, offset, flags);
  }
  /// pwritev2 at `offset`; `flags` are RWF_… (RWF_DSYNC: on the medium when it completes).
  static Operation writev(int fd, const iovec* vectors, unsigned count, std::uint64_t offset, int flags = 0) {
    return Operation(Code::writev, fd, vectors, count, offset, flags);
  }
  static Operation read(int fd, void* data, unsigned bytes, std::uint64_t offset) {
    return Operation(Code::read, fd, data, bytes, offset, 0);
  }
  static Operation write(int fd, const void* data, unsigned bytes, std::uint64_t offset) {
    return Operation(Code::write, fd, data, bytes, offset, 0);
  }
  /// fsync, or fdatasync when `data_only`.
  static Operation fsync(int fd, bool data_only) {
    return Operation(Code::fsync, fd, nullptr, 0, 0, data_only ? 1 : 0);
  }
  static Operation fallocate(int fd, int mode, std::uint64_t offset, std::uint64_t bytes) {
    return Operation(Code::fallocate, fd, nullptr, bytes, offset, mode);
  }
  static Operation recv(int fd, void* data, std::size_t bytes, int flags = 0) {
    return Operation(Code::recv, fd, data, bytes, 0, flags);
  }
  static Operation recvmsg(int fd, msghdr* message, int flags = 0) {
    return Operation(Code::recvmsg, fd, message, 0, 0, flags);
  }
  static Operation sendmsg(int fd, const msghdr* message, int flags) {
    return Operation(Code::sendmsg, fd, message, 0, 0, flags);
  }
  /// Completes again for each connection where the kernel can (`more` is true then); the result is
  /// the new descriptor, close-on-exec. Where it cannot, it completes once.
  static Operation accept(int fd) { return Operation(Code::accept, fd, nullptr, 0, 0, 0); }
  static Operation connect(int fd, const sockaddr* address, socklen_t bytes) {
    return Operation(Code::connect, fd, address, 0, bytes, 0);
  }
  /// Completes once with the ready events, a mask of POLLIN, POLLOUT, ….
  static Operation poll(int fd, unsigned events) {
    return Operation(Code::poll, fd, nullptr, 0, 0, static_cast<int>(events));
  }
  /// openat; `path` stays valid until completion.
  static Operation openat(int directory, const char* path, int flags, mode_t mode = 0) {
    return Operation(Code::openat, directory, path, mode, 0, flags);
  }
  static Operation close(int fd) { return Operation(Code::close, fd, nullptr, 0, 0, 0); }

 private:
  friend class Ring;
  enum class Code : std::uint8_t {
    readv, writev, read, write, fsync, fallocate, recv, recvmsg, sendmsg, accept, connect, poll, openat, close
  };

  Operation(Code code, int fd, const void* pointer, std::uint64_t length, std::uint64_t offset, int flags)
      : code_(code), fd_(fd), flags_(flags), pointer_(pointer), length_(length), offset_(offset) {}

  Code code_;
  int fd_;
  int flags_;
  const void* pointer_;
  std::uint64_t length_;
  std::uint64_t offset_;
};

}  // namespace holdfast
