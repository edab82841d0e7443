// Logins by the thousand, for figures and storms.
//
//   logins run PORT IQN COUNT              one after another, each with its logout; says how many a second
//   logins hold PORT IQN COUNT             so many sessions at once, which answer pings, until killed; says
//                                          "held" when they stand
//   logins storm PORT IQN SECONDS THREADS  from each thread, as fast as it goes: a login that is cut off, a
//                                          connection that says nothing, one that says half a header; says
//                                          how many of them there were
//
// Everything is on 127.0.0.1. Exit code 1: a login was refused, or took longer than twenty seconds.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/support/raw_initiator.h"

namespace {

using namespace holdfast;
using Clock = std::chrono::steady_clock;

struct Target {
  std::uint16_t port = 0;
  std::string name;

  /// Each number is another initiator, so that no session takes another one's place.
  RawInitiator::Login login(long number) const {
    return {.initiator = "iqn.2026-11.example.logins:" + std::to_string(number), .target = name};
  }
};

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

void log_out(RawInitiator& initiator) {
  iscsi::LogoutRequestBhs request;
  request.cmd_sn = initiator.cmd_sn;
  initiator.send(request);
  initiator.receive_as<iscsi::LogoutResponseBhs>();
}

void run(const Target& target, long count) {
  const Clock::time_point began = Clock::now();
  double slowest = 0;
  for (long i = 0; i < count; ++i) {
    const Clock::time_point this_one = Clock::now();
    RawInitiator initiator(target.port, target.login(i));
    slowest = std::max(slowest, seconds_since(this_one));
    log_out(initiator);
  }
  const double seconds = seconds_since(began);
  std::printf("%ld logins and logouts in %.3f s: %.0f a second, the slowest login %.2f ms\n", count,
              seconds, static_cast<double>(count) / seconds, slowest * 1000);
}

void answer_pings(RawInitiator& initiator) {
  while (const auto pdu = initiator.receive_if_any(std::chrono::milliseconds(0))) {
    if (pdu->opcode() != iscsi::Opcode::nop_in) throw std::runtime_error("an idle session got more than pings");
    iscsi::NopOutBhs answer;
    answer.opcode = {iscsi::Opcode::nop_out, true};
    answer.initiator_task_tag = iscsi::reserved_tag;
    answer.target_transfer_tag = pdu->as<iscsi::NopInBhs>().target_transfer_tag;
    answer.cmd_sn = initiator.cmd_sn;
    initiator.send(answer);
  }
}

void hold(const Target& target, long count) {
  const rlimit enough{static_cast<rlim_t>(count + 64), static_cast<rlim_t>(count + 64)};
  if (::setrlimit(RLIMIT_NOFILE, &enough) != 0) std::perror("setrlimit");
  std::vector<std::unique_ptr<RawInitiator>> held;
  for (long i = 0; i < count; ++i)
    held.push_back(std::make_unique<RawInitiator>(target.port, target.login(i)));
  std::printf("held %ld\n", count);
  std::fflush(stdout);
  for (;;) {
    for (const std::unique_ptr<RawInitiator>& one : held) answer_pings(*one);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

void storm_of_one_thread(const Target& target, long thread, Clock::time_point until,
                         std::atomic<long>& done) {
  for (long i = 0; Clock::now() < until; ++i, ++done) {
    try {
      RawInitiator initiator(target.port);
      if (i % 3 == 0) initiator.log_in(target.login(thread));
      if (i % 3 == 1) initiator.send_bytes(std::string(24, '\x43'));
      initiator.reset();
    } catch (const std::exception&) {
      // Closed for another one: that is how a crowd is kept off.
    }
  }
}

void storm(const Target& target, long seconds, long threads) {
  const Clock::time_point until = Clock::now() + std::chrono::seconds(seconds);
  std::atomic<long> done = 0;
  std::vector<std::thread> all;
  for (long i = 0; i < threads; ++i)
    all.emplace_back([&, i] { storm_of_one_thread(target, i, until, done); });
  for (std::thread& one : all) one.join();
  std::printf("%ld connections in %ld s\n", done.load(), seconds);
}

}  // namespace

int main(int count, char** words) {
  const std::string_view job = count > 1 ? words[1] : "";
  const int wanted = job == "storm" ? 6 : 5;
  if ((job != "run" && job != "hold" && job != "storm") || count != wanted) {
    std::fprintf(stderr, "usage: logins run|hold PORT IQN COUNT | storm PORT IQN SECONDS THREADS\n");
    return 2;
  }
  const Target target{static_cast<std::uint16_t>(std::atoi(words[2])), words[3]};
  try {
    if (job == "run") run(target, std::atol(words[4]));
    if (job == "hold") hold(target, std::atol(words[4]));
    if (job == "storm") storm(target, std::atol(words[4]), std::atol(words[5]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "logins: %s\n", error.what());
    return 1;
  }
}
