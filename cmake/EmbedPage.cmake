# cmake -DOUTPUT=page_assets.cc "-DASSETS=name=file|name=file…" -P EmbedPage.cmake
# Makes a C++ file that holds the page's parts byte for byte, and for those whose name ends in
# _script the hash by which the page's Content-Security-Policy lets them run, and nothing else.

# The base64 of the 32 bytes that `hex` spells.
function(base64_of_hash hex result)
  set(alphabet "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  set(text "")
  foreach(group RANGE 10)
    math(EXPR at "6 * ${group}")
    string(SUBSTRING "${hex}00" ${at} 6 three_bytes)
    foreach(shift 18 12 6 0)
      math(EXPR index "(0x${three_bytes} >> ${shift}) & 63")
      string(SUBSTRING "${alphabet}" ${index} 1 character)
      string(APPEND text "${character}")
    endforeach()
  endforeach()
  string(SUBSTRING "${text}" 0 43 text)
  set(${result} "${text}=" PARENT_SCOPE)
endfunction()

set(bytes_of "")
set(views "")
string(REPLACE "|" ";" assets "${ASSETS}")
foreach(asset IN LISTS assets)
  string(REGEX MATCH "^([a-z_]+)=(.+)$" matched "${asset}")
  set(name "${CMAKE_MATCH_1}")
  set(file "${CMAKE_MATCH_2}")
  file(READ "${file}" text)
  # Whoever opens a debugger would fetch a source map.
  string(REGEX REPLACE "(//|/\\*)# sourceMappingURL=[^\n]*" "" text "${text}")
  if(name MATCHES "_script$")
    if(text MATCHES "</[sS][cC][rR][iI][pP][tT]|<!--|\r")
      message(FATAL_ERROR "${file} cannot stand in an HTML page as it is")
    endif()
    string(SHA256 hash "${text}")
    base64_of_hash("${hash}" hash)
    string(APPEND views "const std::string_view ${name}_hash = \"sha256-${hash}\";\n")
  endif()
  string(HEX "${text}" hex)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(APPEND bytes_of "constexpr unsigned char ${name}_bytes[] = {\n${bytes}0};\n")
  string(APPEND views "const std::string_view ${name} = text(${name}_bytes);\n")
endforeach()

file(WRITE "${OUTPUT}" "// Made by cmake/EmbedPage.cmake.
#include \"initiator/report/page_assets.h\"

namespace holdfast::initiator::page_assets {
namespace {

${bytes_of}
template <std::size_t size>
std::string_view text(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size - 1};
}

}  // namespace

${views}
}  // namespace holdfast::initiator::page_assets
")
