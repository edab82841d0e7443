#include "initiator/cli/this_machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace holdfast::initiator {
namespace {

std::string processor_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return {};
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

}  // namespace

Machine this_machine() {
  utsname name{};
  ::uname(&name);
  const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_bytes = ::sysconf(_SC_PAGESIZE);
  return {.kernel = name.release,
          .cpu_model = processor_model(),
          .cores = static_cast<std::uint32_t>(std::max(0L, cores)),
          .memory_bytes = static_cast<std::uint64_t>(std::max(0L, pages)) * static_cast<std::uint64_t>(page_bytes),
          .boot_id = boot_id()};
}

std::string without_password(std::string_view word) {
  const std::size_t scheme = word.find("://");
  if (scheme == std::string_view::npos) return std::string(word);
  const std::size_t user = scheme + 3;
  const std::string_view authority = word.substr(user, word.find('/', user) - user);
  const std::size_t at = authority.rfind('@');
  // iscsi:// has user%password, nbd:// and other URIs have user:password.
  const std::size_t mark = authority.substr(0, at).find_first_of("%:");
  if (at == std::string_view::npos || mark == std::string_view::npos) return std::string(word);
  return std::string(word.substr(0, user + mark)) + std::string(word.substr(user + at));
}

std::vector<std::string> words_without_passwords(int count, const char* const* words) {
  std::vector<std::string> kept;
  for (int i = 0; i < count; ++i) kept.push_back(without_password(words[i]));
  return kept;
}

}  // namespace holdfast::initiator
