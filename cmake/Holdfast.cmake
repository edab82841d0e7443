# What every target of ours shares, and the two shapes that a folder can take.

add_library(holdfast_options INTERFACE)
target_include_directories(holdfast_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_options(holdfast_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wold-style-cast -Wcast-align
  -Woverloaded-virtual -Werror -fcoroutines)
# g++ 12 sees overlapping copies in optimised string concatenation that are not there (PR 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(holdfast_options INTERFACE -Wno-restrict)
endif()
if(HOLDFAST_SANITIZE STREQUAL "thread")
  target_compile_options(holdfast_options INTERFACE -fsanitize=thread -O1 -fno-omit-frame-pointer)
  target_link_options(holdfast_options INTERFACE -fsanitize=thread)
elseif(HOLDFAST_SANITIZE)
  target_compile_options(holdfast_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(holdfast_options INTERFACE -fsanitize=address,undefined)
endif()

# holdfast_library(NAME SOURCES file... DEPENDS target...)
# One folder, one static library: an include that the order of ARCHITECTURE.md forbids fails to link.
function(holdfast_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC holdfast_options ${ARG_DEPENDS})
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE holdfast_options ${ARG_DEPENDS})
  endif()
endfunction()

# holdfast_test(NAME LABEL unit|contract|end_to_end SOURCES file... DEPENDS target... [TIMEOUT s])
# One GoogleTest program for one folder of the source tree, run by CTest as one test.
function(holdfast_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE holdfast_options ${ARG_DEPENDS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
