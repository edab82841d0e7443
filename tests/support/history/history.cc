#include "tests/support/history/history.h"

#include <iterator>
#include <sstream>

namespace holdfast::testing_support {
namespace {

struct KindName {
  Event::Kind kind;
  std::string_view name;
};
constexpr KindName kind_names[] = {
    {Event::Kind::read, "read"},          {Event::Kind::write, "write"},
    {Event::Kind::write_atomic, "atomic"}, {Event::Kind::compare_and_write, "swap"},
    {Event::Kind::fence, "fence"},        {Event::Kind::register_key, "register"},
};

void put_values(std::ostream& out, char mark, const std::vector<BlockValue>& values) {
  if (values.empty()) return;
  out << ' ' << mark;
  for (const BlockValue value : values)
    value == torn ? out << " torn" : out << ' ' << value;
}

bool is_number(const std::string& word) {
  return !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
}

/// The words of one line, taken from the front.
class Words {
 public:
  explicit Words(const std::string& line) : in_(line) { take(); }

  bool at_end() const { return word_.empty(); }
  bool take_if(std::string_view wanted) {
    if (word_ != wanted) return false;
    take();
    return true;
  }
  template <typename Number>
  bool take_number(Number& number) {
    if (!is_number(word_)) return false;
    number = static_cast<Number>(std::stoull(word_));
    take();
    return true;
  }
  void take_values(std::vector<BlockValue>& values) {
    for (BlockValue value = 0;;) {
      if (take_if("torn"))
        values.push_back(torn);
      else if (take_number(value))
        values.push_back(value);
      else
        return;
    }
  }

 private:
  void take() {
    word_.clear();
    in_ >> word_;
  }
  std::istringstream in_;
  std::string word_;
};

bool parse_kind(Words& words, Event& event) {
  for (const KindName& known : kind_names) {
    if (!words.take_if(known.name)) continue;
    event.kind = known.kind;
    return true;
  }
  return false;
}

bool parse_blocks(Words& words, Event& event) {
  if (!words.take_number(event.first)) return false;
  if (words.take_if(":")) words.take_values(event.expected);
  if (!words.take_if("=")) return false;
  words.take_values(event.values);
  const bool compares = event.kind == Event::Kind::compare_and_write;
  return !event.values.empty() && event.expected.size() == (compares ? event.values.size() : 0);
}

bool parse_result(Words& words, Event& event) {
  if (words.take_if("conflict")) event.result = Event::Result::conflict;
  if (words.take_if("open")) event.result = Event::Result::open;
  if (words.take_if("differs")) {
    event.result = Event::Result::miscompare;
    if (!words.take_number(event.differs_at) || event.differs_at >= event.expected.size()) return false;
  }
  return words.at_end();
}

bool parse_event(Words& words, Event& event) {
  if (!words.take_number(event.host) || !words.take_number(event.invoked)) return false;
  if (!words.take_if("-") && !words.take_number(event.answered)) return false;
  if (event.answered < event.invoked || !parse_kind(words, event)) return false;
  if (event.kind == Event::Kind::fence && !words.take_number(event.fenced)) return false;
  if (event.kind < Event::Kind::fence && !parse_blocks(words, event)) return false;
  return parse_result(words, event);
}

}  // namespace

std::string to_text(const Event& event) {
  std::ostringstream out;
  out << event.host << ' ' << event.invoked << ' ';
  event.answered == never ? out << '-' : out << event.answered;
  for (const KindName& known : kind_names)
    if (known.kind == event.kind) out << ' ' << known.name;
  if (event.kind == Event::Kind::fence) out << ' ' << event.fenced;
  if (event.kind < Event::Kind::fence) {
    out << ' ' << event.first;
    put_values(out, ':', event.expected);
    put_values(out, '=', event.values);
  }
  if (event.result == Event::Result::miscompare) out << " differs " << event.differs_at;
  if (event.result == Event::Result::conflict) out << " conflict";
  if (event.result == Event::Result::open) out << " open";
  return std::move(out).str();
}

std::string to_text(const History& history) {
  std::string text;
  for (const Event& event : history) text += to_text(event) + '\n';
  return text;
}

Result<History> parse_history(std::string_view text) {
  History history;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = line.substr(0, line.find('#'));
    Words words(line);
    if (words.at_end()) continue;
    Event event;
    if (!parse_event(words, event))
      return Error{ErrorKind::invalid_input, 0,
                   "line " + std::to_string(number) + " is no event: " + line};
    history.push_back(std::move(event));
  }
  return history;
}

}  // namespace holdfast::testing_support
