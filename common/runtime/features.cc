#include "common/runtime/features.h"

namespace holdfast {

Features Features::none() {
  return {.single_issuer = false,
          .coop_taskrun = false,
          .ring_fd = false,
          .multishot_accept = false,
          .wait_timeout = false};
}

std::string Features::describe() const {
  std::string text;
  auto add = [&text](bool on, const char* name) {
    if (!on) return;
    if (!text.empty()) text += ' ';
    text += name;
  };
  add(single_issuer, "single_issuer");
  add(coop_taskrun, "coop_taskrun");
  add(ring_fd, "ring_fd");
  add(multishot_accept, "multishot_accept");
  add(wait_timeout, "wait_timeout");
  return text.empty() ? "none" : text;
}

}  // namespace holdfast
