#pragma once

#include <string>

#include "initiator/report/page_model.h"

namespace holdfast::initiator {

/// What the page's script draws its charts from, as JSON: numbers in columns, and of words none but
/// labels. At most so many rows and bands a run as a chart can show.
std::string page_data(const Page& page);

}  // namespace holdfast::initiator
