#pragma once

#include <cstdint>
#include <string>

namespace holdfast {

/// An empty folder, under $TMPDIR if nothing else is said, that goes with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  explicit TemporaryFolder(const std::string& parent);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Makes a file of `bytes` zeros (holes) and returns its path.
  std::string make_file(const std::string& name, std::uint64_t bytes) const;

 private:
  std::string path_;
};

}  // namespace holdfast
