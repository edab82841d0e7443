#include "target/admin/crew_call.h"

namespace holdfast::target {
namespace {

class CrewCall final : public BlockingJob {
 public:
  explicit CrewCall(const std::function<void()>& work) : work_(work) {}
  Event::Awaiter done() { return done_.wait(); }

 private:
  void work() override { work_(); }
  void finished() override { done_.set(); }

  const std::function<void()>& work_;
  Event done_;
};

}  // namespace

Task<void> on_crew(BlockingCrew& crew, const std::function<void()>& work) {
  CrewCall call(work);
  crew.submit(call);
  co_await call.done();
}

}  // namespace holdfast::target
