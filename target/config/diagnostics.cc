#include "target/config/diagnostics.h"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace holdfast::target {
namespace {

const char* name_of(Diagnostic::Severity severity) {
  switch (severity) {
    case Diagnostic::Severity::error:
      return "error";
    case Diagnostic::Severity::warning:
      return "warning";
    case Diagnostic::Severity::note:
      return "note";
  }
  return "";
}

}  // namespace

std::string Diagnostic::to_string() const {
  if (line == 0) return fmt::format("{}: {}: {}", file, name_of(severity), message);
  return fmt::format("{}:{}: {}: {}", file, line, name_of(severity), message);
}

void Diagnostics::add(Diagnostic::Severity severity, int line, std::string message) {
  if (severity == Diagnostic::Severity::error) ++errors_;
  if (said_.size() == shown_max) {
    ++not_shown_;
    return;
  }
  said_.push_back({severity, file_, line, std::move(message)});
}

void Diagnostics::error(int line, std::string message) {
  add(Diagnostic::Severity::error, line, std::move(message));
}

void Diagnostics::warning(int line, std::string message) {
  add(Diagnostic::Severity::warning, line, std::move(message));
}

void Diagnostics::note(int line, std::string message) {
  add(Diagnostic::Severity::note, line, std::move(message));
}

bool Diagnostics::fault(int line, std::string message, std::string_view instead) {
  if (!is_compat()) {
    error(line, std::move(message));
    return false;
  }
  warning(line, fmt::format("{}; as with IET, {}", message, instead));
  return true;
}

std::vector<Diagnostic> Diagnostics::take() {
  std::vector<Diagnostic> taken = std::exchange(said_, {});
  std::stable_sort(taken.begin(), taken.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; });
  if (not_shown_ > 0)
    taken.push_back({Diagnostic::Severity::error, file_, 0,
                     fmt::format("{} more problems are not shown", not_shown_)});
  not_shown_ = 0;
  errors_ = 0;
  return taken;
}

}  // namespace holdfast::target
