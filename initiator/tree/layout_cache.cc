#include "initiator/tree/layout_cache.h"

namespace holdfast::initiator {

LayoutWindow* LayoutCache::find(ext2_ino_t number, std::uint64_t block) {
  for (LayoutWindow& window : windows_) {
    if (window.number != number || !window.knows(block)) continue;
    window.used_at = ++uses_;
    return &window;
  }
  return nullptr;
}

LayoutWindow& LayoutCache::place(ext2_ino_t number) {
  LayoutWindow* place = &windows_[0];
  for (LayoutWindow& window : windows_) {
    if (window.number == number) {
      place = &window;
      break;
    }
    if (window.used_at < place->used_at) place = &window;
  }
  place->number = number;
  place->used_at = ++uses_;
  place->extents.clear();
  place->from = 0;
  place->end = 0;
  return *place;
}

}  // namespace holdfast::initiator
