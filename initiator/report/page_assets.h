#pragma once

#include <string_view>

/// The fixed parts of the page, as the build has embedded them from initiator/report/page and from
/// the system's copy of dygraphs.
namespace holdfast::initiator::page_assets {

extern const std::string_view page_template;
extern const std::string_view page_style;
extern const std::string_view dark_colours;
extern const std::string_view page_script;
extern const std::string_view charts_script;
extern const std::string_view charts_style;
/// Whose work the charts are, and on what terms they stand in the page.
extern const std::string_view charts_licence;

// What a Content-Security-Policy calls the two scripts: "sha256-…".
extern const std::string_view page_script_hash;
extern const std::string_view charts_script_hash;

}  // namespace holdfast::initiator::page_assets
