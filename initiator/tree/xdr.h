#pragma once

#include <nfsc/libnfs-zdr.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"

// libnfs knows how every argument and result of MOUNT, NFS and NLM looks on the wire, and this is
// the part of it that we use. Its own calls are of no use here: in version 4.0 a COMPOUND holds
// 4096 bytes at most, and its sockets connect anew and send again by themselves.

namespace holdfast::initiator {

/// libnfs' function that moves a T to the wire or from it.
template <typename T>
using XdrFunction = std::uint32_t (*)(ZDR*, T*);

/// Appends `value` to `message`, whose length is a multiple of four. False if it is larger than
/// `room`.
template <typename T>
bool append_xdr(std::vector<std::byte>& message, XdrFunction<T> function, T& value, std::size_t room) {
  const std::size_t at = message.size();
  message.resize(at + room);
  ZDR xdr{};
  libnfs_zdrmem_create(&xdr, reinterpret_cast<char*>(message.data() + at), static_cast<std::uint32_t>(room),
                       ZDR_ENCODE);
  const bool done = function(&xdr, &value) != 0;
  message.resize(at + (done ? libnfs_zdr_getpos(&xdr) : 0));
  libnfs_zdr_destroy(&xdr);
  return done;
}

/// A T read from the wire. It points into the bytes that it was read from.
template <typename T>
class Decoded {
 public:
  Decoded(std::span<std::byte> bytes, XdrFunction<T> function) {
    libnfs_zdrmem_create(&xdr_, reinterpret_cast<char*>(bytes.data()), static_cast<std::uint32_t>(bytes.size()),
                         ZDR_DECODE);
    ok_ = function(&xdr_, &value_) != 0;
  }
  ~Decoded() { libnfs_zdr_destroy(&xdr_); }
  Decoded(const Decoded&) = delete;
  Decoded& operator=(const Decoded&) = delete;

  bool ok() const { return ok_; }
  const T& operator*() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  ZDR xdr_{};
  T value_{};
  bool ok_ = false;
};

/// What libnfs allocated while reading stands at any multiple of four, whatever its type asks for.
template <typename T>
T aligned(const T* from) {
  T value;
  std::memcpy(&value, static_cast<const void*>(from), sizeof value);
  return value;
}

inline Error undecodable(const char* what) {
  return Error{ErrorKind::protocol, EPROTO, std::string(what) + ": the server's answer cannot be decoded"};
}

}  // namespace holdfast::initiator
