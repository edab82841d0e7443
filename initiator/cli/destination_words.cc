#include "initiator/cli/destination_words.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <vector>

#include "initiator/cli/this_machine.h"

namespace holdfast::initiator {
namespace {

struct Form {
  std::string_view scheme;
  const char* form;
};

constexpr Form forms[] = {
    {"iscsi", "iscsi://host[:port]/iqn/lun"},
    {"nbd", "nbd://host[:port]/export"},
    {"nfs", "nfs://host/export[?version=3|4]"},
    {"file", "file:///path"},
    {"dir", "dir:///path"},
};

/// How many letters must be added, left out, changed or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, changed});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  return rows[a.size()][b.size()];
}

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& letter : low)
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  return low;
}

/// The scheme that was meant, or nullptr where none is like it: half of a scheme's letters must be
/// right.
const Form* nearest(std::string_view scheme) {
  constexpr std::size_t letters_max = 10;
  const std::string low = lower(scheme.substr(0, letters_max));
  const Form* best = nullptr;
  std::size_t least = 0;
  for (const Form& form : forms) {
    const std::size_t away = distance(low, form.scheme);
    if (away * 2 >= form.scheme.size() || (best != nullptr && away >= least)) continue;
    best = &form;
    least = away;
  }
  return best;
}

Error none(std::string_view text, const std::string& advice) {
  return Error{ErrorKind::invalid_input, EINVAL,
               fmt::format("{} is no destination: {}", without_password(text), advice)};
}

}  // namespace

Error no_destination(std::string_view text) {
  if (text.starts_with('/'))
    return none(
        text,
        fmt::format("write file://{0} for an image or a block device, dir://{0} for a directory",
                    text));
  const std::size_t colon = text.find(':');
  const std::string_view rest = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (const Form* meant =
          colon == std::string_view::npos ? nullptr : nearest(text.substr(0, colon)))
    return none(text, fmt::format("did you mean {}? Write {}", meant->scheme, meant->form));
  // As mount takes it.
  if (rest.starts_with('/') && !rest.starts_with("//"))
    return none(text, fmt::format("for NFS write nfs://{}{}", text.substr(0, colon), rest));
  std::string all;
  for (const Form& form : forms) all += fmt::format("{}{}", all.empty() ? "" : ", ", form.form);
  return none(text, "write one of " + all);
}

}  // namespace holdfast::initiator
