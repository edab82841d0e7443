#pragma once

#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "common/base/clock.h"
#include "initiator/report/format.h"

// What the JSON of every record is read with. Only .cc files of this folder include it.
namespace holdfast::initiator {

using Json = nlohmann::ordered_json;

/// What stands under `key`; `otherwise` where it is missing or null. An exception of nlohmann's,
/// which whoever reads a whole record catches, where it is of another type.
template <typename T>
T value_of(const Json& json, const char* key, T otherwise = T{}) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? otherwise : found->get<T>();
}

/// What stands under `key`, or nothing: an empty null, over which a loop does nothing.
inline const Json& child(const Json& json, const char* key) {
  static const Json nothing;
  const auto found = json.find(key);
  return found == json.end() ? nothing : *found;
}

inline Duration seconds_in(const Json& json, const char* key) {
  return duration_of(value_of<double>(json, key));
}

/// The enumerator whose name is `name`; such an exception otherwise.
template <typename Enum>
Enum named(const std::string& name, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (name == to_string(static_cast<Enum>(i))) return static_cast<Enum>(i);
  throw Json::other_error::create(599, "'" + name + "' is no value for this key", nullptr);
}

/// What stands under `key` as a list, of no elements where it is missing; such an exception where
/// it is something else.
inline const Json& list_in(const Json& json, const char* key) {
  const Json& found = child(json, key);
  if (!found.is_null() && !found.is_array())
    throw Json::other_error::create(599, std::string(key) + " is no list", nullptr);
  return found;
}

inline void require_schema(const Json& json, const char* schema) {
  const std::string found = json.is_object() ? value_of<std::string>(json, "schema") : "";
  if (found != schema)
    throw Json::other_error::create(599, "its schema is '" + found + "'", nullptr);
}

/// What such an exception says, without the library's number for it.
inline std::string words_of(const Json::exception& error) {
  const std::string words = error.what();
  const std::size_t number = words.find("] ");
  return words.starts_with('[') && number != std::string::npos ? words.substr(number + 2) : words;
}

struct LatencySummary;
struct LoadFigures;
struct RunRecord;
struct CompareRecord;

inline constexpr const char* run_schema = "holdfast.run/1";
inline constexpr const char* compare_schema = "holdfast.compare/1";

/// Parts of records, and whole ones, as JSON values, and back; exceptions as above.
Json json_of(const LatencySummary& latency);
Json json_of(const LoadFigures& load);
LatencySummary latency_of(const Json& json);
LoadFigures load_of(const Json& json);
Json json_of(const RunRecord& record);
Json json_of(const CompareRecord& record);
RunRecord run_of(const Json& json);
CompareRecord compare_of(const Json& json);

}  // namespace holdfast::initiator
