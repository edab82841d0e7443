#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "initiator/tree/tree.h"
#include "initiator/workload/estimate.h"

namespace holdfast::initiator {

/// How a copy's attributes differ from its source's, one line each, as "what: source, copy".
///
/// The time of last access is compared only while it can be: reading a file may change it, and
/// `cp -a` keeps the one from before. Where the source was not read since the mark the two are
/// equal; where it was, the copy's must not be later.
std::vector<std::string> differences(const Attributes& source, const Attributes& copy,
                                     const SourceMark& mark);

/// Whether the times of last access are as they should be, by the rule above.
bool same_access(const Attributes& source, const Attributes& copy, const SourceMark& mark);

/// The parts of `copy` that `source` does not cover: holes that were not kept. Both are ascending
/// and disjoint.
std::vector<DataRange> beyond(std::span<const DataRange> copy, std::span<const DataRange> source);

/// The place of the first byte that differs, if one does. Both are of one length.
std::optional<std::size_t> first_difference(std::span<const std::byte> one,
                                            std::span<const std::byte> other);

/// The place of the first byte that is not zero.
std::optional<std::size_t> first_nonzero(std::span<const std::byte> data);

}  // namespace holdfast::initiator
