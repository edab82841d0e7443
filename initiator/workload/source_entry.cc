#include "initiator/workload/source_entry.h"

#include <utility>

namespace holdfast::initiator {

SourceDirectory::~SourceDirectory() {
  // The last one of a deep tree lets its ancestors go one by one, not each from inside the other.
  std::shared_ptr<const SourceDirectory> next = std::move(parent_);
  while (next && next.use_count() == 1) {
    // Sole owner: nobody else can see this object any more, so taking its parent is safe.
    next = std::move(const_cast<SourceDirectory&>(*next).parent_);
  }
}

std::string SourceDirectory::path() const {
  std::vector<const std::string*> names;
  for (const SourceDirectory* at = this; at != nullptr; at = at->parent_.get())
    names.push_back(&at->name_);
  std::string path = *names.back();
  for (auto name = names.rbegin() + 1; name != names.rend(); ++name) {
    if (path.empty() || path.back() != '/') path += '/';
    path += **name;
  }
  return path;
}

std::string SourceDirectory::path_of(const std::string& entry) const {
  std::string all = path();
  if (all.empty() || all.back() != '/') all += '/';
  return all + entry;
}

std::string SourceEntry::path() const {
  return parent ? parent->path_of(name) : name;
}

}  // namespace holdfast::initiator
