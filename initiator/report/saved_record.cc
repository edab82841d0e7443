#include "initiator/report/saved_record.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "common/runtime/fd.h"
#include "initiator/report/compare_json.h"
#include "initiator/report/json_value.h"
#include "initiator/report/run_json.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t file_max = 1U << 30;
constexpr std::size_t piece = 1U << 20;

Error wrong(const std::string& path, const std::string& what, int code = EINVAL) {
  return Error{ErrorKind::invalid_input, code, path + ": " + what};
}

}  // namespace

Result<std::string> read_record_text(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file) return wrong(path, "cannot be read: " + std::generic_category().message(errno), errno);
  while (text.size() <= file_max) {
    const std::size_t before = text.size();
    text.resize(before + piece);
    const ssize_t got = ::read(file.get(), text.data() + before, piece);
    text.resize(before + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return wrong(path, "cannot be read: " + std::generic_category().message(errno), errno);
    if (got == 0) return text;
  }
  return wrong(path, "larger than any record", EFBIG);
}

namespace {

SavedRecord saved_of(const Json& json) {
  const std::string schema = json.is_object() ? value_of<std::string>(json, "schema") : "";
  if (schema == run_schema) return run_of(json);
  if (schema == compare_schema) return compare_of(json);
  const std::string found = schema.empty() ? "it has no schema" : "its schema is '" + schema + "'";
  throw Json::other_error::create(599, found + ", and not " + run_schema + " or " + compare_schema,
                                  nullptr);
}

}  // namespace

Result<SavedRecord> saved_record_from_json(std::string_view text) {
  try {
    return saved_of(Json::parse(text));
  } catch (const Json::exception& error) {
    return Error{ErrorKind::invalid_input, EINVAL,
                 "this is no record of holdfast: " + words_of(error)};
  }
}

Result<SavedRecord> read_saved_record(const std::string& path) {
  const Result<std::string> text = read_record_text(path);
  if (!text) return text.error();
  Result<SavedRecord> record = saved_record_from_json(*text);
  if (!record) return wrong(path, record.error().message);
  return record;
}

}  // namespace holdfast::initiator
