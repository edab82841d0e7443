#include "initiator/cli/load_words.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <utility>

#include "common/base/size.h"
#include "initiator/cli/run_words.h"
#include "initiator/cli/verbs.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t depth_most = 1024;
constexpr std::uint32_t sessions_most = 256;
/// The watch has a place for so many.
constexpr std::uint32_t in_flight_most = 4096;

constexpr const char* notes =
    "Reading is the default and changes nothing. WRITING (--rw write, randwrite, randrw) DESTROYS what\n"
    "the device holds, without asking, as a copy does.\n"
    "\n"
    "--rate makes an open loop: operations are due by the clock, so many a second, whether or not those\n"
    "before them were answered, and each one's age counts from when it was due. Without it the queue is\n"
    "kept full, and a stall holds back what it would have delayed.\n"
    "\n"
    "--verify writes blocks that say which run wrote them, for which LBA, as which generation, under a\n"
    "checksum. Reads are judged while the load runs; in the end all that was written is read back in a\n"
    "new session, also after the connection broke. Found are stale, misplaced, torn, foreign and corrupt\n"
    "blocks. It keeps track of 16,777,216 blocks at most; of a larger device it uses only as many. A load\n"
    "that only reads judges the blocks that an earlier one left, by place and checksum.\n"
    "\n"
    "Examples:\n"
    "  holdfast load iscsi://192.0.2.7/iqn.2001-04.com.example:disk1/0 --time 10s\n"
    "  holdfast load file:///srv/image --rw randrw --mix 50 --block 64k --depth 16 --verify\n"
    "  holdfast load nbd://192.0.2.7/export --rw randwrite --rate 2000 --json run.json";

std::string read_size(std::uint64_t& into, const std::string& text) {
  const Result<std::uint64_t> read = parse_size(text);
  if (!read) return read.error().message;
  into = *read;
  return {};
}

std::string read_block(std::uint32_t& into, const std::string& text) {
  std::uint64_t bytes = 0;
  if (std::string complaint = read_size(bytes, text); !complaint.empty()) return complaint;
  if (bytes % 512 != 0) return "'" + text + "' is no multiple of 512 bytes";
  if (bytes > std::numeric_limits<std::uint32_t>::max()) return "'" + text + "' is more than one request can carry";
  into = static_cast<std::uint32_t>(bytes);
  return {};
}

std::string read_access(Access& into, const std::string& text) {
  for (std::size_t i = 0; i < access_kinds; ++i) {
    into = static_cast<Access>(i);
    if (text == to_string(into)) return {};
  }
  return "'" + text + "' is none of read, write, randread, randwrite, randrw";
}

Error wrong(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

Status check(const LoadWords& words, const Destination& destination) {
  const LoadOptions& load = words.load;
  if (words.mix && load.access != Access::randrw) return wrong("--mix is for --rw randrw");
  if (load.depth * load.sessions > in_flight_most)
    return wrong(fmt::format("--depth times --sessions is more than {}", in_flight_most));
  if (!destination.is_device())
    return wrong(fmt::format("{}: load drives blocks, and this is a tree of files: use iscsi://, nbd:// or "
                             "file:///path/of/image, or drive the tree with `holdfast copy`",
                             destination.to_string()));
  if (load.sessions > 1 && !destination.path().empty())
    return wrong(destination.to_string() + " has no sessions: raise --depth instead of --sessions");
  return {};
}

}  // namespace

CLI::App* add_load(CLI::App& app, LoadWords& words) {
  CLI::App* load = app.add_subcommand("load", "Reads and writes of blocks on a device, watched");
  LoadOptions& options = words.load;
  load->add_option("DESTINATION", words.destination, "iscsi://host[:port]/iqn/lun, nbd://host[:port]/export or file:///path")
      ->required();
  const auto access = [&options](const std::string& text) { return read_access(options.access, text); };
  load->add_option("--rw", "read, write, randread, randwrite or randrw (default randread)")
      ->type_name("WORD")
      ->check(access);
  const auto block = [&options](const std::string& text) { return read_block(options.block_bytes, text); };
  load->add_option("--block", "Size of an operation (default 4k)")->type_name("SIZE")->check(block);
  load->add_option("--depth", options.depth, "Operations in flight in each session (default 32)")
      ->type_name("N")
      ->check(CLI::Range(std::uint32_t{1}, depth_most));
  load->add_option("--sessions", options.sessions, "Sessions with the device (default 1)")
      ->type_name("N")
      ->check(CLI::Range(std::uint32_t{1}, sessions_most));
  const auto poll = [&words](std::uint32_t us) { words.run.poll = std::chrono::microseconds(us); };
  load->add_option_function<std::uint32_t>(
          "--poll-us", poll,
          "Ask for answers so many microseconds before sleeping, where they\n"
          "come so fast: less latency for a processor of its own (default 0)")
      ->type_name("N")
      ->check(CLI::Range(0, 1000));
  const auto time = [&options](const std::string& text) { return read_duration(options.time, text); };
  load->add_option("--time", "How long (default 30s)")->type_name("TIME")->check(time);
  load->add_option("--rate", options.rate, "Operations a second, by the clock: an open loop")
      ->type_name("N")
      ->check(CLI::Range(0.001, 1e8));
  const auto size = [&options](const std::string& text) { return read_size(options.bytes, text); };
  load->add_option("--size", "Use only so much of the device, from its start (default all)")
      ->type_name("SIZE")
      ->check(size);
  load->add_option("--mix", words.mix, "Reads among 100 operations of randrw (default 70)")
      ->type_name("N")
      ->check(CLI::Range(0, 100));
  load->add_option("--seed", words.seed, "Makes the same accesses again (default: another each time)")
      ->type_name("N");
  load->add_flag("--verify", options.verify, "Write blocks that tell what they are, and judge what is read");
  add_run_options(*load, words.run);
  load->footer(notes);
  return load;
}

int run_load(const LoadWords& words) {
  if (const Status limits = check_limits(words.run); !limits) return complain(limits.error(), exit_usage);
  Result<Destination> destination = Destination::parse(words.destination, std::getenv("HOLDFAST_PASSWORD"), words.run.engine);
  if (!destination) return complain(destination.error(), exit_usage);
  if (const Status fits = check(words, *destination); !fits) return complain(fits.error(), exit_usage);
  LoadRunOptions options{.run = words.run, .destination = std::move(destination).value(), .load = words.load};
  options.load.read_percent = words.mix.value_or(options.load.read_percent);
  // Short enough to be typed again.
  options.load.seed = words.seed.value_or(new_run_number() % 1'000'000);
  return load_verb(std::move(options));
}

}  // namespace holdfast::initiator
