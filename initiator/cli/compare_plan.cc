#include "initiator/cli/compare_plan.h"

#include <algorithm>

#include "common/base/units.h"

namespace holdfast::initiator {

std::vector<std::size_t> order_of_round(std::size_t count, std::uint32_t round) {
  std::vector<std::size_t> order;
  const std::size_t first = count == 0 ? 0 : (round - 1) % count;
  for (std::size_t step = 0; step < count; ++step) order.push_back((first + step) % count);
  if (round % 2 == 0) std::reverse(order.begin(), order.end());
  return order;
}

std::string order_in_words(std::uint32_t rounds) {
  if (rounds == 1) return "one after the other, once";
  return "interleaved: every destination once in each round, each round begun by another one, and "
         "every other round backwards";
}

std::string url_of_folder(std::string_view url, std::string_view name) {
  const std::size_t query = std::min(url.find('?'), url.size());
  std::string_view path = url.substr(0, query);
  // The scheme's own two slashes are no part of the path.
  while (path.ends_with('/') && !path.ends_with("://")) path.remove_suffix(1);
  std::string folder(path);
  folder += '/';
  folder += name;
  folder += url.substr(query);
  return folder;
}

std::string short_label(std::string_view url) {
  constexpr std::size_t short_enough = 24;
  constexpr std::string_view mark = "://";
  const std::size_t scheme = url.find(mark);
  if (url.size() <= short_enough || scheme == std::string_view::npos) return std::string(url);
  const std::string_view rest = url.substr(scheme + mark.size());
  const std::string_view host = rest.substr(0, rest.find_first_of("/?"));
  if (!host.empty()) return std::string(url.substr(0, scheme + mark.size() + host.size()));
  return std::string(url.substr(0, scheme)) + ":" + std::string(rest.substr(rest.rfind('/') + 1));
}

std::string free_label(std::string wanted, const std::vector<std::string>& taken) {
  const auto is_taken = [&taken](const std::string& label) {
    return std::find(taken.begin(), taken.end(), label) != taken.end();
  };
  if (!is_taken(wanted)) return wanted;
  for (int number = 2;; ++number) {
    std::string numbered = wanted + " #" + std::to_string(number);
    if (!is_taken(numbered)) return numbered;
  }
}

std::uint64_t image_bytes_for(std::uint64_t space_bytes, std::uint64_t nodes) {
  constexpr std::uint64_t per_node = 512;  // an inode of 256 bytes, and its share of tables
  constexpr std::uint64_t spare = 256 * MiB;
  return round_up(space_bytes + space_bytes / 4 + nodes * per_node + spare, MiB);
}

}  // namespace holdfast::initiator
