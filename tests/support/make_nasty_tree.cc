// make_nasty_tree DIR [--short-paths]   fills the empty directory DIR with what copies like to lose

#include <cstdio>
#include <exception>
#include <string>

#include "tests/support/nasty_tree.h"

int main(int argc, char** argv) {
  holdfast::test::NastyOptions options;
  if (argc == 3 && std::string(argv[2]) == "--short-paths") {
    options.long_paths = false;
  } else if (argc != 2) {
    std::fputs("usage: make_nasty_tree DIR [--short-paths]\n", stderr);
    return 2;
  }
  try {
    for (const std::string& left_out : holdfast::test::make_nasty_tree(argv[1], options))
      std::fprintf(stderr, "left out: %s\n", left_out.c_str());
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "make_nasty_tree: %s\n", failure.what());
    return 1;
  }
  return 0;
}
