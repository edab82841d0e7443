#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <vector>

namespace holdfast::target {

/// The sum of the lengths.
std::uint64_t total_bytes(std::span<const iovec> vectors);

/// Cuts `vectors` down to their first `bytes`, which they have; the last entry may become shorter.
std::span<iovec> first_bytes(std::span<iovec> vectors, std::uint64_t bytes);

/// Cuts the first `bytes`, which they have, off `vectors`; the first entry may become shorter.
std::span<iovec> without_first_bytes(std::span<iovec> vectors, std::uint64_t bytes);

/// Copies as much of `bytes` as fits, and returns how much that was.
std::size_t copy_into(std::span<const iovec> vectors, std::span<const std::uint8_t> bytes);

/// The first `bytes` of what `vectors` hold, which is that much at least, in one piece.
std::vector<std::uint8_t> gathered(std::span<const iovec> vectors, std::size_t bytes);

/// Where the bytes of `vectors` from `offset` on first differ from `expected`, counted from the
/// start of `expected`; its size if they do not. `vectors` have all of them.
std::size_t first_difference(std::span<const iovec> vectors, std::uint64_t offset,
                             std::span<const std::byte> expected);

/// The same where `vectors` begin with one block of `block_bytes`, and `found`, which is of whole
/// blocks, shall be that block again and again.
std::size_t first_difference_from_block(std::span<const iovec> vectors, std::uint64_t block_bytes,
                                        std::span<const std::byte> found);

/// Sets every bit in `vectors`, from `offset` on, that is set in `bytes`. They have room for all.
void or_into(std::span<const iovec> vectors, std::uint64_t offset,
             std::span<const std::byte> bytes);

/// Fills `into` with the first bytes of `vectors`, which have as many.
void copy_out_of(std::span<const iovec> vectors, std::span<std::byte> into);

}  // namespace holdfast::target
