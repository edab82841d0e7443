#include "initiator/report/html_text.h"

#include "initiator/report/format.h"

namespace holdfast::initiator {

std::string html_text(std::string_view text) {
  std::string html;
  for (const char character : printable_text(text)) {
    switch (character) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += character;
    }
  }
  return html;
}

std::string html_text_lines(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    html += html_text(text.substr(0, end));
    if (end == std::string_view::npos) break;
    html += '\n';
    text.remove_prefix(end + 1);
  }
  return html;
}

std::string html_name(std::string_view name) {
  return "<bdi>" + html_text(name) + "</bdi>";
}

std::string html_time(Duration time) {
  std::string text = duration_text(time);
  if (const std::size_t at = text.find(" us"); at != std::string::npos) text.replace(at, 3, " µs");
  return text;
}

std::string json_for_script(std::string_view json) {
  // Outside of strings JSON has none of these, and inside every character may be an escape.
  std::string safe;
  for (const char character : json) {
    switch (character) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += character;
    }
  }
  return safe;
}

}  // namespace holdfast::initiator
