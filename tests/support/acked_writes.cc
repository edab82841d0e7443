// Which writes did the target acknowledge, and are they where it said?
//
//   acked_writes record URL LOG [SECONDS]   writes self-describing blocks at queue depth over iSCSI until
//                                           the connection breaks or the time is over, then writes LOG
//   acked_writes endure URL LOG SECONDS     the same, but libiscsi reconnects and sends again what it has no
//                                           answer for; in the end every write must have been acknowledged
//   acked_writes check IMAGE LOG            compares IMAGE, the LUN's own file, with LOG
//
// Every 4 KiB block carries its place and generation in each of its 16-byte words. A block has at most
// one write in flight, so afterwards it holds the generation that was acknowledged last, or the one
// that was still in flight. Anything else is a lost, torn or misplaced write.

#include <fcntl.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t block_bytes = 4096;
constexpr std::uint32_t blocks_tried = 4096;  // 16 MiB: small enough that blocks are overwritten
constexpr int depth = 32;

using Block = std::array<std::uint64_t, block_bytes / sizeof(std::uint64_t)>;

void fill(Block& block, std::uint64_t number, std::uint64_t generation) {
  for (std::size_t i = 0; i < block.size(); i += 2) {
    block[i] = number;
    block[i + 1] = generation;
  }
}

struct BlockState {
  std::uint64_t acknowledged = 0;  // generation; 0: never written
  std::uint64_t in_flight = 0;
};

class Recorder {
 public:
  explicit Recorder(iscsi_context* iscsi, int lun) : iscsi_(iscsi), lun_(lun), blocks_(blocks_tried) {
    for (int i = 0; i < depth; ++i) slots_[static_cast<std::size_t>(i)].recorder = this;
  }

  /// Writes until the connection fails or `until` has come.
  void run(std::chrono::steady_clock::time_point until) {
    for (Slot& slot : slots_) write_next(slot);
    while (!broken_ && std::chrono::steady_clock::now() < until) {
      pollfd waiting{iscsi_get_fd(iscsi_), static_cast<short>(iscsi_which_events(iscsi_)), 0};
      if (::poll(&waiting, 1, 100) < 0) break;
      if (iscsi_service(iscsi_, waiting.revents) < 0) broken_ = true;
    }
  }

  /// Writes for that long however often the connection breaks, then waits for what is in flight.
  /// False if a write failed, or is not acknowledged a minute after.
  bool endure(std::chrono::seconds time) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point until = Clock::now() + time;
    for (Slot& slot : slots_) write_next(slot);
    while (!broken_ && in_flight_ > 0 && Clock::now() < until + std::chrono::seconds(60)) {
      ending_ = Clock::now() >= until;
      // While libiscsi waits to connect again there is nothing to poll, and still something to do.
      pollfd waiting{iscsi_get_fd(iscsi_), static_cast<short>(iscsi_which_events(iscsi_)), 0};
      if (::poll(&waiting, 1, 100) < 0 || iscsi_service(iscsi_, waiting.revents) < 0) return false;
    }
    return !broken_ && in_flight_ == 0;
  }

  std::uint64_t save(const std::string& path) const {
    std::ofstream log(path);
    std::uint64_t acknowledged = 0;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      const BlockState& block = blocks_[i];
      if (block.acknowledged == 0 && block.in_flight == 0) continue;
      log << i << ' ' << block.acknowledged << ' ' << block.in_flight << '\n';
      acknowledged += block.acknowledged != 0 ? 1 : 0;
    }
    log.close();
    if (!log) {
      std::perror(path.c_str());
      std::exit(2);
    }
    return acknowledged;
  }

  std::uint64_t writes_acknowledged() const { return writes_acknowledged_; }

 private:
  struct Slot {
    Recorder* recorder = nullptr;
    std::size_t block = 0;
    Block data{};
  };

  void write_next(Slot& slot) {
    do slot.block = random_() % blocks_.size();
    while (blocks_[slot.block].in_flight != 0);
    blocks_[slot.block].in_flight = ++generation_;
    fill(slot.data, slot.block, generation_);
    ++in_flight_;
    send(slot);
  }

  void send(Slot& slot) {
    scsi_task* task =
        iscsi_write16_task(iscsi_, lun_, slot.block * (block_bytes / 512),
                           reinterpret_cast<unsigned char*>(slot.data.data()), block_bytes, 512, 0, 0,
                           0, 0, 0, &Recorder::written, &slot);
    if (task == nullptr) broken_ = true;
  }

  static void written(iscsi_context*, int status, void* command, void* private_data) {
    auto* slot = static_cast<Slot*>(private_data);
    scsi_free_scsi_task(static_cast<scsi_task*>(command));
    slot->recorder->note(*slot, status);
  }

  void note(Slot& slot, int status) {
    BlockState& block = blocks_[slot.block];
    if (status == SCSI_STATUS_CHECK_CONDITION && !broken_) {  // A unit attention: nothing was written.
      send(slot);
      return;
    }
    --in_flight_;
    if (status != SCSI_STATUS_GOOD) {
      broken_ = true;
      return;
    }
    block.acknowledged = block.in_flight;
    block.in_flight = 0;
    ++writes_acknowledged_;
    if (!broken_ && !ending_) write_next(slot);
  }

  iscsi_context* iscsi_;
  int lun_;
  std::vector<BlockState> blocks_;
  std::array<Slot, depth> slots_;
  std::minstd_rand random_{20261122};
  std::uint64_t generation_ = 0;
  std::uint64_t writes_acknowledged_ = 0;
  int in_flight_ = 0;
  bool broken_ = false;
  bool ending_ = false;
};

int record(const char* url_text, const char* log, int seconds, bool endures) {
  iscsi_context* iscsi = iscsi_create_context("iqn.2026-11.example.holdfast:acked-writes");
  iscsi_url* url = iscsi_parse_full_url(iscsi, url_text);
  if (url == nullptr) {
    std::fprintf(stderr, "acked_writes: %s\n", iscsi_get_error(iscsi));
    return 2;
  }
  iscsi_set_targetname(iscsi, url->target);
  iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
  if (!endures) iscsi_set_noautoreconnect(iscsi, 1);
  const int lun = url->lun;
  if (iscsi_full_connect_sync(iscsi, url->portal, lun) != 0) {
    std::fprintf(stderr, "acked_writes: connect: %s\n", iscsi_get_error(iscsi));
    return 3;
  }
  Recorder recorder(iscsi, lun);
  bool good = true;
  if (endures)
    good = recorder.endure(std::chrono::seconds(seconds));
  else
    recorder.run(std::chrono::steady_clock::now() + std::chrono::seconds(seconds));
  const std::uint64_t blocks = recorder.save(log);
  std::printf("%llu writes acknowledged on %llu blocks\n",
              static_cast<unsigned long long>(recorder.writes_acknowledged()),
              static_cast<unsigned long long>(blocks));
  std::fflush(stdout);
  if (!good) std::printf("a write failed, or was never answered: %s\n", iscsi_get_error(iscsi));
  std::fflush(stdout);
  std::_Exit(good && recorder.writes_acknowledged() > 0 ? 0 : 1);  // The session may be broken on purpose.
}

/// What is wrong with a block, or nothing. A write that was in flight may have landed in part.
std::string judge(const Block& block, std::size_t number, std::uint64_t acknowledged,
                  std::uint64_t in_flight) {
  for (std::size_t i = 0; i < block.size(); i += 2) {
    const std::uint64_t found = block[i + 1];
    if (found != acknowledged && (in_flight == 0 || found != in_flight))
      return "holds generation " + std::to_string(found) + " where " + std::to_string(acknowledged) +
             " was acknowledged";
    if (found != 0 && block[i] != number) return "holds block " + std::to_string(block[i]);
  }
  return "";
}

int check(const char* image, const char* log_path) {
  const int fd = ::open(image, O_RDONLY | O_CLOEXEC);
  std::ifstream log(log_path);
  if (fd < 0 || !log) {
    std::perror(fd < 0 ? image : log_path);
    return 2;
  }
  std::size_t number = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t checked = 0;
  std::uint64_t wrong = 0;
  Block block;
  while (log >> number >> acknowledged >> in_flight) {
    const auto offset = static_cast<off_t>(number * block_bytes);
    const bool whole = ::pread(fd, block.data(), block_bytes, offset) == static_cast<ssize_t>(block_bytes);
    const std::string fault = whole ? judge(block, number, acknowledged, in_flight) : "cannot be read";
    ++checked;
    if (fault.empty()) continue;
    ++wrong;
    std::printf("block %zu %s\n", number, fault.c_str());
  }
  ::close(fd);
  std::printf("%llu blocks checked, %llu wrong\n", static_cast<unsigned long long>(checked),
              static_cast<unsigned long long>(wrong));
  return wrong == 0 && checked > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "record" && (argc == 4 || argc == 5))
    return record(argv[2], argv[3], argc == 5 ? std::atoi(argv[4]) : 30, false);
  if (verb == "endure" && argc == 5) return record(argv[2], argv[3], std::atoi(argv[4]), true);
  if (verb == "check" && argc == 4) return check(argv[2], argv[3]);
  std::fprintf(stderr, "usage: acked_writes record URL LOG [SECONDS] | endure URL LOG SECONDS | check IMAGE LOG\n");
  return 2;
}
