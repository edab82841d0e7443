#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::target {

/// Something to say about one line: an error stops the start, a warning or a note does not.
struct Diagnostic {
  enum class Severity : std::uint8_t { error, warning, note };
  Severity severity = Severity::error;
  std::string file;
  int line = 0;  // 0: the file as a whole
  std::string message;

  /// "FILE:LINE: error: message".
  std::string to_string() const;
};

/// What becomes of a line that is wrong: it is an error, or IET's way with it is followed.
enum class Rigour : std::uint8_t { strict, compat };

/// All that is to be said about one file, gathered so that a user sees every mistake in one go. A
/// hostile file cannot make it grow without end: past `shown_max` it only counts.
class Diagnostics {
 public:
  static constexpr std::size_t shown_max = 1000;

  explicit Diagnostics(std::string file, Rigour rigour = Rigour::strict)
      : file_(std::move(file)), rigour_(rigour) {}

  void error(int line, std::string message);
  void warning(int line, std::string message);
  void note(int line, std::string message);

  /// A fault that IET did not stop at: an error, or, where its ways are followed, a warning with what is
  /// done `instead`. Returns whether they are.
  bool fault(int line, std::string message, std::string_view instead);
  bool is_compat() const { return rigour_ == Rigour::compat; }

  bool has_errors() const { return errors_ > 0; }
  const std::string& file() const { return file_; }
  /// What was said, by line; the last one counts what is not shown. Leaves nothing behind.
  std::vector<Diagnostic> take();

 private:
  void add(Diagnostic::Severity severity, int line, std::string message);

  std::string file_;
  Rigour rigour_;
  std::vector<Diagnostic> said_;
  std::size_t errors_ = 0;
  std::size_t not_shown_ = 0;
};

}  // namespace holdfast::target
