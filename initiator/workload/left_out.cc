#include "initiator/workload/left_out.h"

#include <map>
#include <unistd.h>

#include "initiator/workload/compare.h"

namespace holdfast::initiator {
namespace {

using Of = Shortcoming::Of;
using Xattrs = std::map<std::string, std::string>;

/// In the order of Shortcoming::Of.
constexpr const char* names[] = {"extended attributes",   "ACLs",         "holes",       "owners",
                                 "fractions of a second", "access times", "times of symlinks",
                                 "times before 1970 or after 2106", "special files"};

bool is_acl(const std::string& name) { return name.starts_with("system.posix_acl_"); }

/// Removes the ACLs, or everything but the ACLs, and returns what was removed.
Xattrs remove(Xattrs& xattrs, bool acls) {
  Xattrs removed;
  for (auto at = xattrs.begin(); at != xattrs.end();) {
    const auto next = std::next(at);
    if (is_acl(at->first) == acls) removed.insert(xattrs.extract(at));
    at = next;
  }
  return removed;
}

bool equal_but_for_fractions(const FileTime& one, const FileTime& other) {
  return one.seconds == other.seconds && one.nanoseconds != other.nanoseconds;
}

/// Version 3 of NFS says its seconds in 32 bits without a sign.
bool is_distant(const FileTime& time) { return time.seconds < 0 || time.seconds > 0xFFFF'FFFF; }

}  // namespace

Omissions::Omissions(const std::vector<Shortcoming>& shortcomings) {
  static_assert(std::size(names) == kinds && index(Of::specials) == kinds - 1);
  for (const Shortcoming& one : shortcomings) {
    rows_[index(one.of)] = Row{.lacking = true, .why = one.reason, .nodes = 0};
    any_ = true;
  }
}

void Omissions::count(const Attributes& attributes) {
  if (!any_) return;
  bool acls = false;
  bool others = false;
  for (const auto& [name, value] : attributes.xattrs) (is_acl(name) ? acls : others) = true;
  if (others) count(Of::xattrs);
  if (acls) count(Of::acls);
  if (attributes.uid != ::geteuid() || attributes.gid != ::getegid()) count(Of::owners);
  if (attributes.modified.nanoseconds != 0 || attributes.accessed.nanoseconds != 0)
    count(Of::nanoseconds);
  count(Of::access_times);
  if (S_ISLNK(attributes.mode)) count(Of::symlink_times);
  if (is_distant(attributes.modified) || is_distant(attributes.accessed)) count(Of::distant_times);
}

void Omissions::take_out(Attributes& attributes) const {
  if (lacks(Of::xattrs)) remove(attributes.xattrs, false);
  if (lacks(Of::acls)) remove(attributes.xattrs, true);
}

void Omissions::excuse(Attributes& source, Attributes& copy, const SourceMark& mark) {
  if (!any_) return;
  if (lacks(Of::xattrs) && remove(source.xattrs, false) != remove(copy.xattrs, false))
    count(Of::xattrs);
  if (lacks(Of::acls) && remove(source.xattrs, true) != remove(copy.xattrs, true)) count(Of::acls);
  if (lacks(Of::owners) && (source.uid != copy.uid || source.gid != copy.gid)) {
    copy.uid = source.uid;
    copy.gid = source.gid;
    count(Of::owners);
  }
  excuse_times(source, copy, mark);
}

void Omissions::excuse_times(const Attributes& source, Attributes& copy, const SourceMark& mark) {
  const bool same = source.modified == copy.modified && same_access(source, copy, mark);
  if (S_ISLNK(source.mode) && lacks(Of::symlink_times) && !same) {
    copy.modified = source.modified;
    copy.accessed = source.accessed;
    count(Of::symlink_times);
  }
  if (lacks(Of::distant_times) && (is_distant(source.modified) || is_distant(source.accessed))) {
    if (is_distant(source.modified)) copy.modified = source.modified;
    if (is_distant(source.accessed)) copy.accessed = source.accessed;
    count(Of::distant_times);
  }
  if (lacks(Of::access_times) && !same_access(source, copy, mark)) {
    copy.accessed = source.accessed;
    count(Of::access_times);
  }
  if (lacks(Of::distant_times)) {
    const bool modified = is_distant(source.modified) && source.modified != copy.modified;
    const bool accessed = is_distant(source.accessed) && !same_access(source, copy, mark);
    if (modified) copy.modified = source.modified;
    if (accessed) copy.accessed = source.accessed;
    if (modified || accessed) count(Of::distant_times);
  }
  if (lacks(Of::nanoseconds)) {
    const bool modified = equal_but_for_fractions(source.modified, copy.modified);
    const bool accessed = !same_access(source, copy, mark) &&
                          equal_but_for_fractions(source.accessed, copy.accessed);
    if (modified) copy.modified = source.modified;
    if (accessed) copy.accessed = source.accessed;
    if (modified || accessed) count(Of::nanoseconds);
  }
}

std::vector<LeftOut> Omissions::list() const {
  std::vector<LeftOut> left_out;
  for (std::size_t i = 0; i < kinds; ++i)
    if (rows_[i].nodes > 0) left_out.push_back({names[i], rows_[i].why, rows_[i].nodes});
  return left_out;
}

bool is_special(std::uint32_t mode) {
  return S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode) || S_ISBLK(mode);
}

bool has_holes(const Attributes& attributes, std::span<const DataRange> ranges) {
  if (!S_ISREG(attributes.mode)) return false;
  std::uint64_t data_bytes = 0;
  for (const DataRange& range : ranges) data_bytes += range.bytes;
  return data_bytes < attributes.bytes;
}

}  // namespace holdfast::initiator
