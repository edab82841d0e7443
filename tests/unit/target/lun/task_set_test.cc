#include "target/lun/task_set.h"

#include <array>
#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

class TaskSetTest : public ::testing::Test {
 protected:
  Command& enter(TaskAttribute attribute) {
    Command& command = commands_.at(used_++);
    command.attribute = static_cast<std::uint8_t>(attribute);
    set_.enter(command);
    return command;
  }
  TaskSet set_;
  std::array<Command, 8> commands_;
  std::size_t used_ = 0;
};

TEST_F(TaskSetTest, SimpleCommandsStartTogether) {
  EXPECT_TRUE(set_.may_start(enter(TaskAttribute::simple)));
  Command& other = enter(TaskAttribute::untagged);
  EXPECT_TRUE(set_.may_start(other));
  EXPECT_FALSE(set_.leave(other)) << "nobody can wait for it";
}

TEST_F(TaskSetTest, AnOrderedOneStartsLastAndHoldsTheNewerBack) {
  Command& older = enter(TaskAttribute::simple);
  Command& ordered = enter(TaskAttribute::ordered);
  Command& newer = enter(TaskAttribute::simple);
  EXPECT_TRUE(set_.may_start(older));
  EXPECT_FALSE(set_.may_start(ordered));
  EXPECT_FALSE(set_.may_start(newer));
  EXPECT_TRUE(set_.leave(older));
  EXPECT_TRUE(set_.may_start(ordered));
  EXPECT_FALSE(set_.may_start(newer));
  EXPECT_TRUE(set_.leave(ordered));
  EXPECT_TRUE(set_.may_start(newer));
  EXPECT_FALSE(set_.leave(newer));
  EXPECT_TRUE(set_.empty());
}

TEST_F(TaskSetTest, AHeadOfQueueCommandStartsAtOnceAndHoldsTheNewerBack) {
  Command& ordered = enter(TaskAttribute::ordered);
  Command& head = enter(TaskAttribute::head_of_queue);
  EXPECT_TRUE(set_.may_start(head));
  set_.leave(ordered);
  EXPECT_FALSE(set_.may_start(enter(TaskAttribute::simple)));
  EXPECT_FALSE(set_.may_start(enter(TaskAttribute::ordered)));
  EXPECT_TRUE(set_.may_start(enter(TaskAttribute::head_of_queue)));
}

}  // namespace
}  // namespace holdfast::target
