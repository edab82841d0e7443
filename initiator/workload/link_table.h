#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "initiator/workload/source_entry.h"

namespace holdfast::initiator {

/// Which files with several names have been met, and how many of their names are still to come. A
/// file is forgotten with its last name, so only those are held whose names lie far apart or
/// outside the source; at most `groups_max` of them, about 100 MiB. What comes beyond is not
/// remembered: its names become files of their own, and the walk says so of each.
class LinkTable {
 public:
  static constexpr std::size_t groups_max = std::size_t{1} << 20;
  explicit LinkTable(std::size_t limit = groups_max) : limit_(limit) {}

  /// The group of a name that is not the file's first, or null.
  std::shared_ptr<LinkGroup> find(const FileIdentity& identity) {
    const auto found = groups_.find(identity);
    if (found == groups_.end()) return nullptr;
    std::shared_ptr<LinkGroup> group = found->second.group;
    if (--found->second.names_to_come == 0) groups_.erase(found);
    return group;
  }

  /// Notes the first name of a file with `links` of them. Null when the table is full.
  std::shared_ptr<LinkGroup> add(const FileIdentity& identity, std::uint64_t links) {
    if (groups_.size() >= limit_) return nullptr;
    auto group = std::make_shared<LinkGroup>();
    group->links = links;
    groups_.emplace(identity, Known{group, links - 1});
    return group;
  }

 private:
  struct Known {
    std::shared_ptr<LinkGroup> group;
    std::uint64_t names_to_come = 0;
  };
  const std::size_t limit_;
  std::unordered_map<FileIdentity, Known, FileIdentityHash> groups_;
};

}  // namespace holdfast::initiator
