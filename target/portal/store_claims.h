#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "target/store/descriptor_store.h"

namespace holdfast::target {

/// Which files and devices are served, and by which Lun: what somebody may write is served once. A
/// plain value, so that a copy can be tried out. Pure.
class StoreClaims {
 public:
  /// Names a claim; 0 is none.
  using Id = std::uint64_t;
  struct Claim {
    std::string path;
    bool read_only = false;
    std::string who;  // "the Lun in line 3"
  };

  /// Who keeps a Lun with that path's file or device from being served; nullptr if nobody does.
  const Claim* in_the_way(const StoreIdentity& identity, bool read_only) const;
  Id add(const StoreIdentity& identity, Claim claim);
  /// Nothing happens for 0, and for one that is gone.
  void remove(Id id);

 private:
  Id last_ = 0;
  std::multimap<StoreIdentity, std::pair<Id, Claim>> claims_;
  std::map<Id, StoreIdentity> by_id_;
};

}  // namespace holdfast::target
