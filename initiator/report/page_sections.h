#pragma once

#include <string>

#include "initiator/report/page_model.h"

namespace holdfast::initiator {

// The page's sections as HTML, from top to bottom. They say everything; only the charts are left to
// the script, which finds the places for them by their data attributes.

/// The bar on top and how it went, in words.
std::string verdict_section(const Page& page);
/// The destinations of a comparison side by side: what they did, and what it took.
std::string table_section(const Page& page);
/// What could stand on each path: timers in the order in which they act, and how near they came.
std::string stacks_section(const Page& page);
/// The latency distributions of all destinations in one chart.
std::string percentiles_section(const Page& page);
/// One destination: its figures, charts, events, and what it could not keep.
std::string destination_section(const Page& page, std::size_t place);
/// How the run was made, so that it can be repeated.
std::string making_section(const Page& page);
/// What the words mean, and whose work stands in the page.
std::string footer_section();

// What several sections use.

/// A word with a mark whose shape says the same as its colour.
std::string chip(const std::string& tone, const std::string& word);
/// How a run ended, as a chip.
std::string verdict_chip(const RunRecord& record);
/// The square in a destination's colour.
std::string swatch(std::size_t place);
/// The events of a destination's runs, worst first where they are many, with what was in flight.
std::string events_table(const Page::Destination& destination);

}  // namespace holdfast::initiator
