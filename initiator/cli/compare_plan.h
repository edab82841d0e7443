#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::initiator {

// How destinations take turns, and where each run goes: rules without a machine.

inline constexpr std::uint32_t rounds_max = 100;
inline constexpr std::uint32_t rounds_default = 3;
inline constexpr std::size_t compared_max = 16;

/// Who runs when in `round`, counted from 1: every one of `count` once. Each round begins with
/// another one, and every other round goes backwards, so that nobody always comes first, last or
/// after the same one.
std::vector<std::size_t> order_of_round(std::size_t count, std::uint32_t round);
/// The same in words, for the record.
std::string order_in_words(std::uint32_t rounds);

/// The folder `name` within the tree of files that `url` (nfs://… or dir://…) names.
std::string url_of_folder(std::string_view url, std::string_view name);
/// What fits a table of the destination `url`: all of it if it is short, else its scheme and host, or
/// its scheme and the last part of its path where it has no host.
std::string short_label(std::string_view url);
/// `wanted`, or with a number behind it if that is in `taken`.
std::string free_label(std::string wanted, const std::vector<std::string>& taken);

/// What an image needs, so that a filesystem for a source of this size fits with room to spare.
std::uint64_t image_bytes_for(std::uint64_t space_bytes, std::uint64_t nodes);

}  // namespace holdfast::initiator
