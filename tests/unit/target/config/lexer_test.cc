#include "target/config/lexer.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace holdfast::target {
namespace {

using namespace std::string_view_literals;

/// Every line as "NUMBER[word][word]", broken ones with a "!", then what was said.
std::string lex(std::string_view text) {
  Diagnostics diagnostics("t");
  Lexer lexer(text, diagnostics);
  std::string out;
  Line line;
  while (lexer.next(line)) {
    out += std::to_string(line.number);
    for (const Word& word : line.words) out += "[" + word.text + "]";
    out += line.broken ? "!;" : ";";
  }
  for (const Diagnostic& said : diagnostics.take()) out += " " + said.to_string();
  return out;
}

struct LexerCase {
  const char* sentence;
  std::string_view text;
  std::string_view expected;
};

const LexerCase cases[] = {
    {"nothing", "", ""},
    {"words and blanks", "a b\tc\n", "1[a][b][c];"},
    {"empty lines are counted", "\n\n a\n", "3[a];"},
    {"a comment line", "# a b\nc", "2[c];"},
    {"a comment after a word", "a # b\nc", "1[a];2[c];"},
    {"a # within a word is no comment", "a#b", "1[a#b];"},
    {"a # in quotes is no comment", "\"#a\"", "1[#a];"},
    {"a continuation between words", "a \\\nb\nc", "1[a][b];3[c];"},
    {"a continuation within a word", "a\\\nb", "1[ab];"},
    {"a continuation with CRLF", "a \\\r\nb", "1[a][b];"},
    {"a continuation at the end of the file", "a \\", "1[a];"},
    {"a continuation into an empty line", "a \\\n\nb", "1[a];3[b];"},
    {"a comment is not continued", "# a \\\nb", "2[b];"},
    {"a trailing comment is not continued", "a # b \\\nc", "1[a];2[c];"},
    {"a line that begins with a continuation", "\\\na", "2[a];"},
    {"a backslash in a word stays", "a\\b", "1[a\\b];"},
    {"quotes keep blanks", "a \"b c\" d", "1[a][b c][d];"},
    {"quotes within a word", "a=\"b c\"d", "1[a=b cd];"},
    {"empty quotes are a word", "a \"\"", "1[a][];"},
    {"escapes in quotes", R"("a\"b\\c\d")", R"(1[a"b\c\d];)"},
    {"a continuation in quotes", "\"a\\\nb\"", "1[ab];"},
    {"an open quote breaks the line", "a \"b\nc",
     "1[a]!;2[c]; t:1: error: a quote is opened and not closed in its line"},
    {"a broken line takes its continuations along", "a \"b \\\nc\nd",
     "1[a]!;3[d]; t:1: error: a quote is opened and not closed in its line"},
    {"a carriage return alone is a blank", "a\rb", "1[a][b];"},
    {"a NUL breaks the line", "a b\0c\nd"sv,
     "1[a]!;2[d]; t:1: error: a NUL byte; is this a text file?"},
    {"a NUL in quotes breaks it, too", "a \"b\0c\"\nd"sv,
     "1[a]!;2[d]; t:1: error: a NUL byte; is this a text file?"},
    {"a NUL in a comment does not matter", "# \0\nd"sv, "2[d];"},
    {"blanks after the backslash", "a \\ \nb",
     "1[a]!;2[b]; t:1: error: blanks after the \\ keep it from continuing the line; remove them"},
    {"blanks after the backslash of a word", "a=b,\\\t\nb",
     "1!;2[b]; t:1: error: blanks after the \\ keep it from continuing the line; remove them"},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "a\n",
     "1[a]; t:1: error: the file begins with a byte order mark; save it as UTF-8 without one"},
    {"UTF-16",
     "\xff\xfe"
     "a\0b\0"sv,
     " t:1: error: the file is in UTF-16; save it as UTF-8"},
};

TEST(Lexer, CutsLinesIntoWords) {
  for (const LexerCase& tried : cases) EXPECT_EQ(lex(tried.text), tried.expected) << tried.sentence;
}

TEST(Lexer, AnOverlongLineIsRefusedAndTheNextIsRead) {
  const std::string longest(Lexer::line_bytes_max, 'x');
  EXPECT_EQ(lex(longest + "\na"), "1[" + longest + "];2[a];");
  EXPECT_EQ(lex(longest + "x\na"),
            "1[" + longest + "x]!;2[a]; t:1: error: the line is longer than 8192 bytes");
  // A comment may be as long as it likes.
  EXPECT_EQ(lex("#" + longest + "\na"), "2[a];");
}

}  // namespace
}  // namespace holdfast::target
