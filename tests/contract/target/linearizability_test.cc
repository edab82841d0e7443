// Hosts read, write, compare and write and fence one another off through a real daemon, in commands
// that cross, and everything is written down. Each history must be linearizable; also one in the
// midst of which the daemon was killed, and where it serves them by several threads.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "tests/support/history/iscsi_hosts.h"
#include "tests/support/history/linearizability.h"
#include "tests/support/history/workload.h"
#include "tests/support/holdfastd.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::testing_support {
namespace {

struct Medium {
  const char* name;
  const char* lun;  // PATH stands for an image
  bool survives_a_kill;
  unsigned threads = 1;
};

class LinearizabilityOf : public ::testing::TestWithParam<Medium> {
 protected:
  static constexpr int depth = 3;

  void SetUp() override {
    shape_.seed = std::random_device{}();
    shape_.keeps_reservations = GetParam().survives_a_kill;
  }

  void serve() {
    std::string lun = GetParam().lun;
    if (const std::size_t path = lun.find("PATH"); path != std::string::npos)
      lun.replace(path, 4, folder_.make_file("image", 64 << 20));
    lun += ",BlockSize=" + std::to_string(shape_.block_bytes);
    Result<std::unique_ptr<Holdfastd>> daemon = Holdfastd::serve(HOLDFASTD, lun, GetParam().threads);
    ASSERT_TRUE(daemon) << daemon.error().message;
    daemon_ = std::move(*daemon);
    workload_ = std::make_unique<Workload>(shape_);
    hosts_ = std::make_unique<IscsiHosts>(*workload_, shape_.hosts, depth);
    ASSERT_EQ(hosts_->connect(daemon_->url()), "");
    ASSERT_EQ(hosts_->set_up(), "");
  }

  void kill_and_restart() {
    daemon_->kill();
    workload_->crashed();
    hosts_->drop();
    const Status restarted = daemon_->restart();
    ASSERT_TRUE(restarted) << restarted.error().message;
    ASSERT_EQ(hosts_->connect(daemon_->url()), "");
  }

  int count(Event::Kind kind, Event::Result result) const { return workload_->count(kind, result); }
  int conflicts() const {
    return count(Event::Kind::write, Event::Result::conflict) +
           count(Event::Kind::write_atomic, Event::Result::conflict) +
           count(Event::Kind::compare_and_write, Event::Result::conflict);
  }

  void judge() {
    EXPECT_EQ(workload_->unexpected(), "");
    const Verdict verdict = check(workload_->history());
    const int swaps = count(Event::Kind::compare_and_write, Event::Result::good);
    const int differing = count(Event::Kind::compare_and_write, Event::Result::miscompare);
    const int fences = count(Event::Kind::fence, Event::Result::good);
    std::printf("%s, seed %u: %zu commands, %d swaps, %d miscompares, %d fences, %d conflicts; %zu configurations\n",
                GetParam().name, shape_.seed, workload_->history().size(), swaps, differing, fences,
                conflicts(), verdict.configurations);
    EXPECT_GT(swaps, 20);
    EXPECT_GT(differing, 20);
    if (shape_.fences) {
      EXPECT_GT(fences, 5);
      EXPECT_GT(conflicts(), 5);
    }
    if (verdict.linearizable) return;
    const std::string saved = "/var/tmp/holdfast-history-" + std::to_string(shape_.seed);
    std::ofstream(saved) << to_text(workload_->history());
    ADD_FAILURE() << verdict.words << "; the history is in " << saved;
  }

  WorkloadShape shape_;
  TemporaryFolder folder_;
  std::unique_ptr<Holdfastd> daemon_;
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<IscsiHosts> hosts_;
};

TEST_P(LinearizabilityOf, HostsThatReadWriteSwapAndFence) {
  ASSERT_NO_FATAL_FAILURE(serve());
  ASSERT_EQ(hosts_->run(2500), "");
  ASSERT_EQ(hosts_->finish(), "");
  judge();
}

TEST_P(LinearizabilityOf, HostsWhoseDaemonIsKilled) {
  if (!GetParam().survives_a_kill) GTEST_SKIP() << "memory is gone with the daemon";
  ASSERT_NO_FATAL_FAILURE(serve());
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(hosts_->run(600), "");
    ASSERT_NO_FATAL_FAILURE(kill_and_restart());
  }
  ASSERT_EQ(hosts_->run(200), "");
  ASSERT_EQ(hosts_->finish(), "");
  judge();
}

// Cells of 240 KiB: what is written at once takes the kernel several steps.
TEST_P(LinearizabilityOf, LargeAtomicCommandsWhoseDaemonIsKilled) {
  if (!GetParam().survives_a_kill) GTEST_SKIP() << "memory is gone with the daemon";
  shape_.cells = 8;
  shape_.cell_blocks = 60;
  shape_.block_bytes = 4096;
  shape_.cells_max = 4;
  shape_.only_atomic = true;
  shape_.fences = false;
  ASSERT_NO_FATAL_FAILURE(serve());
  for (int round = 0; round < 12; ++round) {
    ASSERT_EQ(hosts_->run(60), "");
    ASSERT_NO_FATAL_FAILURE(kill_and_restart());
  }
  ASSERT_EQ(hosts_->finish(), "");
  judge();
}

INSTANTIATE_TEST_SUITE_P(
    Media, LinearizabilityOf,
    ::testing::Values(Medium{"file_write_through", "Path=PATH,Type=fileio,IOMode=wt", true},
                      Medium{"file_write_back", "Path=PATH,Type=fileio,IOMode=wb", true},
                      Medium{"memory", "Type=memory,Size=64M", false},
                      Medium{"file_on_four_threads", "Path=PATH,Type=fileio,IOMode=wb", true, 4},
                      Medium{"memory_on_four_threads", "Type=memory,Size=64M", false, 4}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace holdfast::testing_support
