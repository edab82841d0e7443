#include "initiator/cli/command_line.h"

int main(int count, char** words) { return holdfast::initiator::run_command_line(count, words); }
