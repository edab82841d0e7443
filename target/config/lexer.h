#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "target/config/diagnostics.h"

namespace holdfast::target {

/// One word of a line, with its quotes and escapes resolved.
struct Word {
  std::string text;
  std::string quoted;  // for each byte of `text`: 'q' when it stood in quotes, else '.'
  int line = 0;        // where it begins

  /// Cuts it at every `separator` that did not stand in quotes; empty pieces included.
  std::vector<Word> split(char separator) const;
};

/// One directive with its values: never empty, unless it is broken.
struct Line {
  std::vector<Word> words;
  int number = 0;       // where it begins
  bool broken = false;  // the words are those before the place where it broke; that has been said
};

/// Cuts the text of an ietd.conf into lines of words: blanks separate, `#` at the start of a word
/// begins a comment, `\` at the very end goes on with the next line, "…" keeps blanks, commas and
/// `#`, and in it \" and \\ stand for themselves. CRLF line ends and a missing last one are fine.
class Lexer {
 public:
  /// Of one line with all its continuations.
  static constexpr std::size_t line_bytes_max = 8192;

  Lexer(std::string_view text, Diagnostics& diagnostics);

  /// Reads the next line that is not empty. False at the end.
  bool next(Line& line);

 private:
  bool at_end() const { return at_ >= text_.size(); }
  bool at_line_end() const;
  bool only_blanks_follow() const;
  void skip_line_end();
  void read_line(Line& line);
  bool read_word(Word& word);
  bool read_quotes(Word& word);
  bool skip_blanks_and_continuations();
  bool skip_continuation();
  void skip_rest_of_line();
  void skip_broken_line();
  void complain(std::string message);

  std::string_view text_;
  Diagnostics& diagnostics_;
  std::size_t at_ = 0;
  int line_number_ = 1;
};

}  // namespace holdfast::target
