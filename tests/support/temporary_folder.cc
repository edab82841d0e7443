#include "tests/support/temporary_folder.h"

#include <fcntl.h>
#include <filesystem>
#include <stdlib.h>
#include <system_error>
#include <unistd.h>

#include "common/base/check.h"
#include "common/runtime/fd.h"

namespace holdfast {

namespace {

std::string usual_parent() {
  const char* parent = ::getenv("TMPDIR");
  return parent != nullptr ? parent : "/tmp";
}

}  // namespace

TemporaryFolder::TemporaryFolder() : TemporaryFolder(usual_parent()) {
}

TemporaryFolder::TemporaryFolder(const std::string& parent) : path_(parent + "/holdfast-test-XXXXXX") {
  CHECK(::mkdtemp(path_.data()) != nullptr);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::make_file(const std::string& name, std::uint64_t bytes) const {
  std::string made = file(name);
  Fd fd(::open(made.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  CHECK(fd && ::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
  return made;
}

}  // namespace holdfast
