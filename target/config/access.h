#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/config/access_list.h"

namespace holdfast::target {

/// Who may log in where, by initiators.allow, initiators.deny and targets.allow as they are on disk
/// at the moment of asking: an edit counts from the next login on. What cannot be read lets nobody in.
class Access {
 public:
  /// `folders`: where each file is looked for, the best place first.
  explicit Access(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  /// Reads again what has changed on disk. What is wrong with it is said.
  std::vector<Diagnostic> refresh();

  /// Whether there is any list of initiators.
  bool lists_initiators() const { return allow_.present() || deny_.present(); }

  struct Decision {
    bool allowed = true;
    std::string why;  // not: "initiators.allow, line 3, does not name it"
  };
  /// By IET's rules, as of the last `refresh`. `initiator` comes from `peer` to the portal `local`.
  Decision decide(std::string_view target, std::string_view initiator, const IpAddress& peer,
                  const IpAddress& local) const;

 private:
  /// One of the three files, wherever it is found.
  class File {
   public:
    File(const char* name, AccessList::Items items) : name_(name), items_(items) {}
    void refresh(const std::vector<std::string>& folders, std::vector<Diagnostic>& said);
    bool present() const { return !path_.empty(); }
    bool readable() const { return list_.has_value(); }
    const std::string& path() const { return path_; }
    AccessList::Answer look_up(const AccessSubject& subject) const { return list_->look_up(subject); }

   private:
    const char* name_;
    const AccessList::Items items_;
    std::string path_;
    struct stat seen_ {};
    std::optional<AccessList> list_;
  };

  Decision decide_by(const File& file, const AccessSubject& subject) const;

  std::vector<std::string> folders_;
  File allow_{"initiators.allow", AccessList::Items::addresses_and_names};
  File deny_{"initiators.deny", AccessList::Items::addresses_and_names};
  File portals_{"targets.allow", AccessList::Items::addresses};
};

}  // namespace holdfast::target
