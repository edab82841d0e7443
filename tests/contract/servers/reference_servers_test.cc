// One body over every server that a comparison starts: it answers when we say that it does, ends when
// it is told to or when we are killed, and leaves neither a process nor a file. Programs that are not
// ours say whether it serves.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>

#include "common/base/units.h"
#include "common/runtime/process.h"
#include "initiator/servers/running_server.h"
#include "tests/unit/initiator/servers/processes.h"

namespace holdfast::initiator {
namespace {

namespace fs = std::filesystem;

/// iscsi-readcapacity16, nbdinfo or nfs-ls, whichever speaks the URL's protocol.
Status ask_a_witness(const std::string& url, Duration time) {
  ProcessRequest request;
  request.keep_output = true;
  request.deadline = time;
  if (url.starts_with("iscsi://")) {
    request.program = "iscsi-readcapacity16";
    request.arguments = {url};
  } else if (url.starts_with("nbd://")) {
    request.program = "nbdinfo";
    request.arguments = {"--size", url};
  } else {
    request.program = "nfs-ls";
    request.arguments = {url};
  }
  const Result<ProcessOutcome> outcome = run_process_and_wait(request);
  if (!outcome) return outcome.error();
  if (!outcome->succeeded()) return Error{ErrorKind::refused, 0, outcome->describe()};
  return Status();
}

/// Every process whose command line names `folder`.
std::vector<std::string> processes_about(const std::string& folder) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    std::string line;
    std::getline(file, line);
    std::replace(line.begin(), line.end(), '\0', ' ');
    if (line.find(folder) != std::string::npos) found.push_back(entry.path().filename().string() + ": " + line);
  }
  return found;
}

class ReferenceServerContract : public testing::TestWithParam<const ReferenceServer*> {
 protected:
  void SetUp() override {
    const ReferenceServer& server = *GetParam();
    Result<Storage> made = Storage::make(fs::temp_directory_path().string());
    ASSERT_TRUE(made) << made.error().message;
    storage_.emplace(std::move(made).value());
    request_.server = &server;
    request_.image_bytes = 64 * MiB;
    request_.runs = 2;
    if (&server == &holdfastd_server) {
      request_.program = HOLDFASTD;
    } else {
      const Result<std::string> program = find_server_program(server);
      if (!program) GTEST_SKIP() << program.error().message;
      request_.program = *program;
    }
    if (server.possible == nullptr) return;
    if (const Status possible = server.possible(*storage_); !possible) GTEST_SKIP() << possible.error().message;
  }

  Result<std::unique_ptr<RunningServer>> start(const PickPort& pick = pick_free_port) {
    Result<Interrupts> interrupts = Interrupts::open();
    if (!interrupts) return interrupts.error();
    return RunningServer::start(request_, *storage_, *interrupts, ask_a_witness, pick);
  }

  std::optional<Storage> storage_;
  ServerRequest request_;
};

TEST_P(ReferenceServerContract, AnswersWhenItIsSaidToAndLeavesNothing) {
  Result<std::unique_ptr<RunningServer>> server = start();
  ASSERT_TRUE(server) << server.error().message;
  for (std::uint32_t run : {1U, 2U}) {
    const Status answer = ask_a_witness((*server)->url(run), std::chrono::seconds(10));
    EXPECT_TRUE(answer) << answer.error().message;
  }
  EXPECT_FALSE((*server)->ended()) << *(*server)->ended();
  EXPECT_FALSE(processes_about(storage_->folder()).empty());
  (*server)->stop();
  EXPECT_THAT(processes_about(storage_->folder()), testing::IsEmpty());
  const Status answer = ask_a_witness((*server)->url(1), std::chrono::seconds(5));
  EXPECT_FALSE(answer) << "it still answers";
}

TEST_P(ReferenceServerContract, SaysItsVersion) {
  EXPECT_THAT(server_version(*GetParam(), request_.program), testing::MatchesRegex("[0-9]+(\\.[0-9]+)+"));
}

TEST_P(ReferenceServerContract, IsStartedElsewhereWhenItsPortIsTaken) {
  if (GetParam()->picks_port) GTEST_SKIP() << "it picks its own port";
  const Fd taker(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  ASSERT_EQ(::bind(taker.get(), reinterpret_cast<sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(::listen(taker.get(), 16), 0);
  ASSERT_EQ(::getsockname(taker.get(), reinterpret_cast<sockaddr*>(&address), &bytes), 0);
  int asked = 0;
  const PickPort taken_first = [&]() -> Result<std::uint16_t> {
    if (asked++ == 0) return ntohs(address.sin_port);
    return pick_free_port();
  };
  Result<std::unique_ptr<RunningServer>> server = start(taken_first);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_GT(asked, 2);
  EXPECT_TRUE(ask_a_witness((*server)->url(1), std::chrono::seconds(10)));
}

TEST_P(ReferenceServerContract, ItsLastWordsAreInTheMessageWhenItDoesNotStart) {
  static const ReferenceServer* real = GetParam();
  ReferenceServer broken = *real;
  broken.plan = [](const ServerPlace& place) {
    ServerPlan plan = real->plan(place);
    plan.arguments.push_back("--no-such-option");
    return plan;
  };
  request_.server = &broken;
  const Result<std::unique_ptr<RunningServer>> server = start();
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, testing::HasSubstr("did not start: exit code"));
  EXPECT_THAT(server.error().message, testing::HasSubstr("it said: "));
  EXPECT_THAT(processes_about(storage_->folder()), testing::IsEmpty());
}

TEST_P(ReferenceServerContract, GoesWithAllItsFilesWhenWeAreKilled) {
  const std::string notes = storage_->folder();
  const pid_t us = fork_and_stay([&] {
    static Result<Storage> storage = Storage::make(notes);
    static Result<Interrupts> interrupts = Interrupts::open();
    static Result<std::unique_ptr<RunningServer>> server =
        RunningServer::start(request_, *storage, *interrupts, ask_a_witness);
    std::ofstream(notes + "/ready") << (server ? storage->folder() : server.error().message) << std::flush;
  });
  std::string folder;
  ASSERT_TRUE(becomes_true([&] { return std::ifstream(notes + "/ready") >> folder && !folder.empty(); },
                           std::chrono::seconds(60)));
  ASSERT_TRUE(fs::is_directory(folder)) << folder;
  EXPECT_FALSE(processes_about(folder).empty());
  ::kill(us, SIGKILL);
  ::waitpid(us, nullptr, 0);
  EXPECT_TRUE(becomes_true([&] { return !fs::exists(folder); })) << folder;
  EXPECT_THAT(processes_about(folder), testing::IsEmpty());
}

std::string name_of(const testing::TestParamInfo<const ReferenceServer*>& server) {
  std::string name(server.param->name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Servers, ReferenceServerContract,
                         testing::ValuesIn(reference_servers().begin(), reference_servers().end()), name_of);

}  // namespace
}  // namespace holdfast::initiator
