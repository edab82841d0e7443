#pragma once

#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace holdfast {

struct ShellAnswer {
  int exit_code = -1;
  std::string output;  // stdout and stderr
};

/// Runs a command line and waits for it: for the tests' judges, such as e2fsck.
inline ShellAnswer run_shell(const std::string& command) {
  ShellAnswer answer;
  FILE* pipe = ::popen(("PATH=$PATH:/usr/sbin:/sbin; { " + command + "; } 2>&1").c_str(), "re");
  if (pipe == nullptr) return answer;
  char buffer[4096];
  while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe))
    answer.output.append(buffer, got);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) answer.exit_code = WEXITSTATUS(status);
  return answer;
}

}  // namespace holdfast
