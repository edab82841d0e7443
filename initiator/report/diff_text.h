#pragma once

#include <string>

#include "initiator/report/diff.h"

namespace holdfast::initiator {

/// What the two records are called in the text: their files.
struct DiffNames {
  std::string a;
  std::string b;
};

/// For people: for each destination a line a figure, the change and its mark; the last line is the
/// `verdict_line`.
std::string to_text(const Diff& diff, const DiffNames& names);
/// "WORSE by more than 10 %: nfs copy time +40.0 %", or "NOT WORSE: …".
std::string verdict_line(const Diff& diff);
/// "holdfast.diff/1".
std::string to_json(const Diff& diff, const DiffNames& names);

}  // namespace holdfast::initiator
