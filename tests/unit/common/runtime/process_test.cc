#include "common/runtime/process.h"

#include <gtest/gtest.h>
#include <optional>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/runtime/fd.h"
#include "common/runtime/scope.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> loop = Loop::create();
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(loop).value();
  }

  static Task<void> run_into(Loop& loop, const ProcessRequest& request,
                             std::optional<Result<ProcessOutcome>>& outcome) {
    Result<ProcessOutcome> result = co_await run_process(loop, request);
    outcome.emplace(std::move(result));
  }
  Result<ProcessOutcome> run(const ProcessRequest& request) {
    std::optional<Result<ProcessOutcome>> outcome;
    loop_->run(run_into(*loop_, request, outcome));
    return std::move(*outcome);
  }
  static ProcessRequest shell(const std::string& script) {
    ProcessRequest request;
    request.program = "sh";
    request.arguments = {"-c", script};
    return request;
  }

  std::unique_ptr<Loop> loop_;
};

TEST_F(ProcessTest, ExitCodeAndStderrComeBack) {
  const Result<ProcessOutcome> outcome =
      run(shell("echo unheard; echo 'no such thing' >&2; exit 3"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_FALSE(outcome->succeeded());
  EXPECT_EQ(outcome->exit_code, 3);
  EXPECT_EQ(outcome->error_output, "no such thing\n");
  EXPECT_EQ(outcome->describe(), "exit code 3: no such thing");
}

TEST_F(ProcessTest, TheProgramInheritsWhatItIsGiven) {
  Fd file(::memfd_create("test", MFD_CLOEXEC));
  ProcessRequest request = shell("echo hello > /proc/self/fd/3");
  request.descriptors = {{file.get(), 3}};
  const Result<ProcessOutcome> outcome = run(request);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->succeeded()) << outcome->describe();
  char text[16] = {};
  EXPECT_EQ(::pread(file.get(), text, sizeof text, 0), 6);
  EXPECT_STREQ(text, "hello\n");
}

TEST_F(ProcessTest, AProgramThatIsNotThereIsNamed) {
  ProcessRequest request;
  request.program = "holdfast-no-such-program";
  const Result<ProcessOutcome> outcome = run(request);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ENOENT);
  EXPECT_NE(outcome.error().message.find("holdfast-no-such-program"), std::string::npos);
}

TEST_F(ProcessTest, AProgramThatDoesNotEndIsKilledAtItsDeadline) {
  ProcessRequest request = shell("exec sleep 1000");
  request.deadline = milliseconds(50);
  const Result<ProcessOutcome> outcome = run(request);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->timed_out);
  EXPECT_EQ(outcome->signal, SIGKILL);
  EXPECT_EQ(outcome->describe(), "killed, because it took too long");
}

TEST_F(ProcessTest, AChildThatKeepsStderrOpenDoesNotHoldUsUp) {
  const ProcessRequest request = shell("sleep 1000 & echo $! >&2; exit 0");
  const Instant before = clock_now();
  const Result<ProcessOutcome> outcome = run(request);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_LT(clock_now() - before, seconds(500));
  const int child = std::stoi(outcome->error_output);
  EXPECT_EQ(::kill(child, SIGKILL), 0) << "the child was waited for";
}

TEST_F(ProcessTest, BlockedSignalsAreNotInherited) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &blocked, &before), 0);
  const Result<ProcessOutcome> outcome = run(shell("kill -TERM $$; exit 0"));
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &before, nullptr), 0);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->signal, SIGTERM);
}

}  // namespace
}  // namespace holdfast
