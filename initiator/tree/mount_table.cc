#include "initiator/tree/mount_table.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <climits>
#include <fstream>
#include <sstream>

namespace holdfast::initiator {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// mountinfo writes blanks and backslashes as \ and three octal digits.
std::string unescape(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    const bool escaped = text[i] == '\\' && i + 3 < text.size() &&
                         std::from_chars(&text[i + 1], &text[i + 4], value, 8).ptr == &text[i + 4];
    plain.push_back(escaped ? static_cast<char>(value) : text[i]);
    if (escaped) i += 3;
  }
  return plain;
}

}  // namespace

std::optional<MountEntry> find_mount(std::string_view mountinfo, int mount_id) {
  std::istringstream lines{std::string(mountinfo)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    int id = 0;
    if (!(words >> id) || id != mount_id) continue;
    // Optional fields stand before a lone hyphen.
    for (std::string word; words >> word && word != "-";) {
    }
    MountEntry entry;
    words >> entry.type >> entry.source >> entry.options;
    if (!words) return std::nullopt;
    entry.source = unescape(entry.source);
    return entry;
  }
  return std::nullopt;
}

std::optional<MountEntry> mount_of(int fd) {
  std::istringstream lines(read_all("/proc/self/fdinfo/" + std::to_string(fd)));
  for (std::string key; lines >> key;) {
    int id = 0;
    if (key == "mnt_id:" && lines >> id) return find_mount(read_all("/proc/self/mountinfo"), id);
  }
  return std::nullopt;
}

std::optional<std::string> path_of_open_file(int fd) {
  std::array<char, PATH_MAX> path{};
  const ssize_t bytes = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path.data(), path.size());
  if (bytes <= 0 || static_cast<std::size_t>(bytes) == path.size()) return std::nullopt;
  return std::string(path.data(), static_cast<std::size_t>(bytes));
}

}  // namespace holdfast::initiator
