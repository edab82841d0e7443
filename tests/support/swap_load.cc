// How many COMPARE AND WRITE commands a second does a target do of one block, and how many plain WRITEs?
//
//   swap_load URL write     SESSIONS DEPTH SECONDS   WRITE(16) of block 0, from all sessions
//   swap_load URL swap      SESSIONS DEPTH SECONDS   COMPARE AND WRITE of block 0 that always matches
//   swap_load URL increment SESSIONS DEPTH SECONDS   each adds one to the number in block 0; whoever comes too
//                                                    late reads it and tries again (DEPTH is 1)
//
// Prints how many were done in a second, and for `increment` how many came too late; the number that is there
// in the end must be that of those that were done.

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint32_t block_bytes_max = 4096;

enum class Mode { write, swap, increment };

struct Load {
  Mode mode = Mode::write;
  std::uint32_t block_bytes = 512;
  bool ending = false;
  bool broken = false;
  std::uint64_t done = 0;
  std::uint64_t too_late = 0;
  int in_flight = 0;
  std::string trouble;
};

/// One command at a time, again and again.
class Slot {
 public:
  Slot(Load& load, iscsi_context* session, int lun) : load_(load), session_(session), lun_(lun) {}

  void send() {
    ++load_.in_flight;
    scsi_task* task = nullptr;
    const std::uint32_t bytes = load_.block_bytes;
    if (reading_) {
      task = iscsi_read16_task(session_, lun_, 0, bytes, static_cast<int>(bytes), 0, 0, 0, 0, 0, &Slot::ended, this);
    } else if (load_.mode == Mode::write) {
      task = iscsi_write16_task(session_, lun_, 0, data_.data(), bytes, static_cast<int>(bytes), 0, 0, 0, 0, 0,
                                &Slot::ended, this);
    } else {
      if (load_.mode == Mode::increment) {
        put(0, known_);
        put(bytes, known_ + 1);
      }
      task = iscsi_compareandwrite_task(session_, lun_, 0, data_.data(), 2 * bytes, static_cast<int>(bytes), 0, 0, 0, 0, 0,
                                        &Slot::ended, this);
    }
    if (task == nullptr) load_.broken = true;
  }

 private:
  void put(std::size_t at, std::uint64_t number) { std::memcpy(data_.data() + at, &number, sizeof number); }

  static void ended(iscsi_context* session, int status, void* command, void* slot_) {
    auto* const slot = static_cast<Slot*>(slot_);
    auto* const task = static_cast<scsi_task*>(command);
    --slot->load_.in_flight;
    slot->note(session, status, *task);
    scsi_free_scsi_task(task);
    if (!slot->load_.broken && !slot->load_.ending) slot->send();
  }

  void note(iscsi_context* session, int status, const scsi_task& task) {
    if (status == SCSI_STATUS_GOOD && reading_) {
      std::memcpy(&known_, task.datain.data, sizeof known_);
      reading_ = false;
    } else if (status == SCSI_STATUS_GOOD) {
      ++load_.done;
      ++known_;
    } else if (status == SCSI_STATUS_CHECK_CONDITION && task.sense.key == SCSI_SENSE_MISCOMPARE) {
      ++load_.too_late;
      reading_ = true;
    } else if (status != SCSI_STATUS_CHECK_CONDITION || task.sense.key != SCSI_SENSE_UNIT_ATTENTION) {
      load_.broken = true;
      load_.trouble = iscsi_get_error(session);
    }
  }

  Load& load_;
  iscsi_context* session_;
  int lun_;
  bool reading_ = false;
  std::uint64_t known_ = 0;
  std::array<unsigned char, 2 * block_bytes_max> data_{};
};

iscsi_context* connect(const char* url_text, int number, int& lun) {
  const std::string name = "iqn.2026-11.example.holdfast:swap-load-" + std::to_string(number);
  iscsi_context* session = iscsi_create_context(name.c_str());
  iscsi_url* url = iscsi_parse_full_url(session, url_text);
  if (url != nullptr) {
    iscsi_set_targetname(session, url->target);
    iscsi_set_session_type(session, ISCSI_SESSION_NORMAL);
    iscsi_set_noautoreconnect(session, 1);
    lun = url->lun;
    if (iscsi_full_connect_sync(session, url->portal, lun) == 0) return session;
  }
  std::fprintf(stderr, "swap_load: %s\n", iscsi_get_error(session));
  std::exit(3);
}

/// The size of a block, and block 0 as zeros.
std::uint32_t prepare(iscsi_context* session, int lun) {
  scsi_task* task = iscsi_readcapacity16_sync(session, lun);
  const auto* capacity =
      task != nullptr ? static_cast<scsi_readcapacity16*>(scsi_datain_unmarshall(task)) : nullptr;
  const std::uint32_t block_bytes = capacity != nullptr ? capacity->block_length : 0;
  if (task != nullptr) scsi_free_scsi_task(task);
  std::array<unsigned char, block_bytes_max> zeros{};
  task = block_bytes == 0 || block_bytes > block_bytes_max
             ? nullptr
             : iscsi_write16_sync(session, lun, 0, zeros.data(), block_bytes, static_cast<int>(block_bytes), 0, 0, 0, 0, 0);
  if (task == nullptr || task->status != SCSI_STATUS_GOOD) {
    std::fprintf(stderr, "swap_load: %s\n", iscsi_get_error(session));
    std::exit(3);
  }
  scsi_free_scsi_task(task);
  return block_bytes;
}

void serve(Load& load, const std::vector<iscsi_context*>& sessions) {
  std::vector<pollfd> waiting;
  for (iscsi_context* session : sessions)
    waiting.push_back({iscsi_get_fd(session), static_cast<short>(iscsi_which_events(session)), 0});
  if (::poll(waiting.data(), waiting.size(), 100) < 0) load.broken = true;
  for (std::size_t i = 0; i < waiting.size(); ++i)
    if (waiting[i].revents != 0 && iscsi_service(sessions[i], waiting[i].revents) < 0) load.broken = true;
}

/// The number that is there is the number of those that were done.
bool counted_right(const Load& load, iscsi_context* session, int lun) {
  scsi_task* task = iscsi_read16_sync(session, lun, 0, load.block_bytes, static_cast<int>(load.block_bytes), 0, 0, 0, 0, 0);
  std::uint64_t number = 0;
  if (task == nullptr || task->status != SCSI_STATUS_GOOD) return false;
  std::memcpy(&number, task->datain.data, sizeof number);
  scsi_free_scsi_task(task);
  if (number != load.done)
    std::fprintf(stderr, "swap_load: %llu is there, %llu were done\n", static_cast<unsigned long long>(number),
                 static_cast<unsigned long long>(load.done));
  return number == load.done;
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  const std::string mode = argc > 2 ? argv[2] : "";
  if (mode == "swap") load.mode = Mode::swap;
  if (mode == "increment") load.mode = Mode::increment;
  if (argc != 6 || (load.mode == Mode::write && mode != "write")) {
    std::fprintf(stderr, "usage: swap_load URL write|swap|increment SESSIONS DEPTH SECONDS\n");
    return 2;
  }
  int lun = 0;
  std::vector<iscsi_context*> sessions;
  for (int i = 0; i < std::atoi(argv[3]); ++i) sessions.push_back(connect(argv[1], i, lun));
  load.block_bytes = prepare(sessions.front(), lun);
  std::vector<std::unique_ptr<Slot>> slots;
  for (iscsi_context* session : sessions)
    for (int i = 0; i < std::atoi(argv[4]); ++i) slots.push_back(std::make_unique<Slot>(load, session, lun));
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + std::chrono::seconds(std::atoi(argv[5]));
  for (const std::unique_ptr<Slot>& slot : slots) slot->send();
  while (!load.broken && Clock::now() < end) serve(load, sessions);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const std::uint64_t done_in_time = load.done;
  load.ending = true;
  while (!load.broken && load.in_flight > 0) serve(load, sessions);
  const bool right = !load.broken && (load.mode != Mode::increment || counted_right(load, sessions.front(), lun));
  std::printf("%.0f %.0f\n", static_cast<double>(done_in_time) / seconds, static_cast<double>(load.too_late) / seconds);
  if (load.broken) std::fprintf(stderr, "swap_load: %s\n", load.trouble.c_str());
  std::fflush(stdout);
  std::_Exit(right ? 0 : 1);
}
