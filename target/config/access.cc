#include "target/config/access.h"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "target/config/text_file.h"

namespace holdfast::target {
namespace {

bool same_version(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
         a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

}  // namespace

void Access::File::refresh(const std::vector<std::string>& folders, std::vector<Diagnostic>& said) {
  std::string found;
  struct stat now {};
  for (const std::string& folder : folders) {
    const std::string candidate = folder + "/" + name_;
    if (::stat(candidate.c_str(), &now) == 0) {
      found = candidate;
      break;
    }
    if (errno == ENOENT || errno == ENOTDIR) continue;
    found = candidate;  // What cannot be looked at may be there, and is not passed over.
    break;
  }
  if (found == path_ && readable() && same_version(now, seen_)) return;
  const bool was_unreadable = found == path_ && present() && !readable();
  path_ = found;
  seen_ = now;
  list_.reset();
  if (path_.empty()) return;
  Diagnostics diagnostics(path_);
  Result<TextFile> file = read_text_file(path_);
  if (file)
    list_ = AccessList::parse(file->text, items_, diagnostics);
  else if (!was_unreadable)
    diagnostics.error(0, file.error().message + "; while it cannot be read, nobody is let in");
  for (Diagnostic& one : diagnostics.take()) said.push_back(std::move(one));
}

std::vector<Diagnostic> Access::refresh() {
  std::vector<Diagnostic> said;
  for (File* file : {&allow_, &deny_, &portals_}) file->refresh(folders_, said);
  return said;
}

Access::Decision Access::decide_by(const File& file, const AccessSubject& subject) const {
  if (!file.present()) return {};
  if (!file.readable()) return {false, file.path() + " cannot be read"};
  const AccessList::Answer answer = file.look_up(subject);
  if (answer.matches) return {};
  if (answer.line == 0) return {false, fmt::format("{} has no line for it", file.path())};
  return {false, fmt::format("{}:{} does not name it", file.path(), answer.line)};
}

Access::Decision Access::decide(std::string_view target, std::string_view initiator, const IpAddress& peer,
                                const IpAddress& local) const {
  const Decision portal = decide_by(portals_, {.target = target, .initiator = {}, .address = local});
  if (!portal.allowed) return portal;
  const AccessSubject subject{.target = target, .initiator = initiator, .address = peer};
  if (!deny_.present()) return decide_by(allow_, subject);
  if (!deny_.readable()) return {false, deny_.path() + " cannot be read"};
  const AccessList::Answer denied = deny_.look_up(subject);
  // Whom a broken item means nobody knows, so it means everybody.
  if (!denied.matches && !denied.broken) return {};
  if (allow_.present() && decide_by(allow_, subject).allowed) return {};
  return {false, fmt::format("{}:{} denies it", deny_.path(), denied.line)};
}

}  // namespace holdfast::target
