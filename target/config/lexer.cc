#include "target/config/lexer.h"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace holdfast::target {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

void append(Word& word, char c, char mark) {
  word.text += c;
  word.quoted += mark;
}

}  // namespace

std::vector<Word> Word::split(char separator) const {
  std::vector<Word> pieces(1);
  pieces.back().line = line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == separator && quoted[i] == '.') {
      pieces.emplace_back().line = line;
    } else {
      append(pieces.back(), text[i], quoted[i]);
    }
  }
  return pieces;
}

Lexer::Lexer(std::string_view text, Diagnostics& diagnostics)
    : text_(text), diagnostics_(diagnostics) {
  using namespace std::string_view_literals;
  if (text_.starts_with("\xef\xbb\xbf"sv)) {
    complain("the file begins with a byte order mark; save it as UTF-8 without one");
    at_ = 3;
  } else if (text_.starts_with("\xff\xfe"sv) || text_.starts_with("\xfe\xff"sv)) {
    complain("the file is in UTF-16; save it as UTF-8");
    at_ = text_.size();
  }
}

void Lexer::complain(std::string message) {
  diagnostics_.error(line_number_, std::move(message));
}

bool Lexer::at_line_end() const {
  if (at_end() || text_[at_] == '\n') return true;
  return text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n';
}

void Lexer::skip_line_end() {
  if (at_end()) return;
  at_ += text_[at_] == '\r' ? 2 : 1;
  ++line_number_;
}

bool Lexer::only_blanks_follow() const {
  const std::string_view rest = text_.substr(at_, text_.find('\n', at_) - at_);
  return std::all_of(rest.begin(), rest.end(), is_blank);
}

/// A `\` with nothing after it but the line's end (or the file's).
bool Lexer::skip_continuation() {
  if (at_end() || text_[at_] != '\\') return false;
  ++at_;
  if (!at_line_end()) {
    --at_;
    return false;
  }
  skip_line_end();
  return true;
}

/// False where the line's words are over: at its end, or at a comment.
bool Lexer::skip_blanks_and_continuations() {
  for (;;) {
    if (at_line_end()) return false;
    if (text_[at_] == '#') return false;
    if (is_blank(text_[at_]))
      ++at_;
    else if (!skip_continuation())
      return true;
  }
}

void Lexer::skip_rest_of_line() {
  while (!at_line_end()) ++at_;
}

/// What continues a broken line is part of it.
void Lexer::skip_broken_line() {
  for (;;) {
    skip_rest_of_line();
    const bool goes_on = !at_end() && at_ > 0 && text_[at_ - 1] == '\\';
    if (!goes_on) return;
    skip_line_end();
  }
}

bool Lexer::read_quotes(Word& word) {
  const int opened = line_number_;
  ++at_;
  while (!at_line_end()) {
    if (skip_continuation()) continue;
    const char c = text_[at_];
    if (c == '\0') return true;  // The caller stumbles over it, too.
    ++at_;
    if (c == '"') return true;
    const bool escape = c == '\\' && !at_end() && (text_[at_] == '"' || text_[at_] == '\\');
    append(word, escape ? text_[at_++] : c, 'q');
  }
  diagnostics_.error(opened, "a quote is opened and not closed in its line");
  return false;
}

/// False when the line breaks in it.
bool Lexer::read_word(Word& word) {
  word.line = line_number_;
  while (!at_line_end() && !is_blank(text_[at_])) {
    const char c = text_[at_];
    if (c == '\0') {
      complain("a NUL byte; is this a text file?");
      return false;
    }
    if (c == '"') {
      if (!read_quotes(word)) return false;
    } else if (!skip_continuation()) {
      append(word, c, '.');
      ++at_;
    }
  }
  const bool backslash = word.text.ends_with('\\') && word.quoted.back() == '.';
  if (backslash && only_blanks_follow()) {
    complain("blanks after the \\ keep it from continuing the line; remove them");
    return false;
  }
  return true;
}

void Lexer::read_line(Line& line) {
  line = Line{};
  line.number = line_number_;
  const std::size_t start = at_;
  while (!line.broken && skip_blanks_and_continuations()) {
    Word word;
    line.broken = !read_word(word);
    if (line.words.empty()) line.number = word.line;
    if (!line.broken) line.words.push_back(std::move(word));
  }
  if (!line.broken && at_ - start > line_bytes_max) {
    diagnostics_.error(line.number,
                       fmt::format("the line is longer than {} bytes", line_bytes_max));
    line.broken = true;
  }
  if (line.broken)
    skip_broken_line();
  else
    skip_rest_of_line();
}

bool Lexer::next(Line& line) {
  while (!at_end()) {
    read_line(line);
    skip_line_end();
    if (line.broken || !line.words.empty()) return true;
  }
  return false;
}

}  // namespace holdfast::target
