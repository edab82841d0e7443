#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace holdfast::initiator {

/// `text` as the content of an HTML element or of a quoted attribute. Whatever bytes it has, it
/// shows as text and changes nothing around it: what is no UTF-8 and control characters become
/// \xNN.
std::string html_text(std::string_view text);
/// The same for text of several lines.
std::string html_text_lines(std::string_view text);
/// As `html_text`, for a name that somebody else chose: set apart, so that letters which run from
/// right to left do not turn around what stands beside it.
std::string html_name(std::string_view name);
/// A duration with the sign for micro.
std::string html_time(Duration time);
/// `json` so that it can stand in a <script> element: it cannot end the element, nor begin a
/// comment.
std::string json_for_script(std::string_view json);

}  // namespace holdfast::initiator
