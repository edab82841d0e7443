#include "initiator/cli/compare_words.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "initiator/cli/compare_plan.h"
#include "initiator/cli/this_machine.h"
#include "initiator/workload/readers.h"

namespace holdfast::initiator {
namespace {

constexpr const char* local_word = "local";
constexpr const char* cache_control = "/proc/sys/vm/drop_caches";

constexpr const char* notes =
    "Every destination gets the same copy, verified, once a round; one of them runs twice, which shows how\n"
    "far two figures of the same thing lie apart on this machine (the A/A row). Without a DESTINATION real\n"
    "servers are started on loopback: holdfastd, nbdkit, nbd-server, ganesha-v4 and ganesha-v3, as far as\n"
    "they are installed, beside `local`, a plain image without any server. Where a destination is a tree of\n"
    "files, each copy goes into a new folder there; those on NFS servers that you name stay behind.\n"
    "\n"
    "Examples:\n"
    "  holdfast compare /usr/include --json c.json\n"
    "  holdfast compare /home iscsi://192.0.2.7/iqn.2001-04.com.example:disk1/0 nbd://192.0.2.7/disk --rounds 5\n"
    "  holdfast compare /home nfs://192.0.2.7/export --servers holdfastd,nbdkit";

Error wrong(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

std::string known_servers() {
  std::string names = local_word;
  for (const ReferenceServer* server : reference_servers()) names += fmt::format(", {}", server->name);
  return names;
}

std::string default_storage() {
  const char* folder = std::getenv("TMPDIR");
  return folder == nullptr || *folder == '\0' ? "/var/tmp" : folder;
}

Status take_servers(const CompareWords& words, CompareOptions& options) {
  options.servers_asked = !words.servers.empty();
  if (words.servers.empty()) {
    if (!words.destinations.empty()) return Status();
    options.servers.assign(reference_servers().begin(), reference_servers().end());
    options.local_limit = true;
    return Status();
  }
  for (const std::string& name : words.servers) {
    if (name == local_word) {
      options.local_limit = true;
      continue;
    }
    const ReferenceServer* server = find_reference_server(name);
    if (server == nullptr) return wrong(fmt::format("--servers {}: there are {}", name, known_servers()));
    if (std::find(options.servers.begin(), options.servers.end(), server) == options.servers.end())
      options.servers.push_back(server);
  }
  return Status();
}

}  // namespace

CLI::App* add_compare(CLI::App& app, CompareWords& words) {
  words.rounds = rounds_default;
  words.storage = default_storage();
  CLI::App* compare = app.add_subcommand("compare", "The same copy to several destinations in turn, side by side");
  compare->add_option("SOURCE", words.source, "The directory to copy")->required();
  compare->add_option("DESTINATION", words.destinations, "URLs as `copy` takes them; none: our own servers on loopback");
  compare->add_option("--servers", words.servers, "Which servers to start: " + known_servers())
      ->delimiter(',')
      ->type_name("NAME,…");
  compare->add_option("--rounds", words.rounds, fmt::format("How often each destination runs (default {})", rounds_default))
      ->type_name("N")
      ->check(CLI::Range(1U, rounds_max));
  compare->add_option("--storage", words.storage, "Where our servers keep what they store (default $TMPDIR or /var/tmp)")
      ->type_name("DIR");
  compare->add_flag("--cold", words.cold, "Empty the page cache before every copy (root); else the source is read before");
  compare->add_option("--readers", words.readers, "So many readers of files that are finished, beside each copy")
      ->type_name("N")
      ->check(CLI::Range(0U, Readers::readers_most));
  compare->add_flag("--locks", words.locks, "Take and release locks on finished files meanwhile, where there are any (nfs, dir)");
  compare->add_flag("!--verify,--no-verify", words.no_verify, "Do not read back what was copied");
  compare->footer(notes);
  return compare;
}

Result<CompareOptions> read_compare_words(const CompareWords& words) {
  CompareOptions options;
  options.run = words.run;
  options.source = words.source;
  options.rounds = words.rounds;
  options.verify = !words.no_verify;
  options.cold = words.cold;
  options.readers = words.readers;
  options.locks = words.locks;
  options.storage = words.storage;
  for (const std::string& text : words.destinations) {
    // A wrong one is a row that says what is wrong with it, and the others run.
    Result<Destination> destination = Destination::parse(text, std::getenv("HOLDFAST_PASSWORD"), words.run.engine);
    options.destinations.push_back({without_password(text), std::move(destination)});
  }
  if (Status taken = take_servers(words, options); !taken) return taken.error();
  const std::size_t count = options.destinations.size() + options.servers.size() + (options.local_limit ? 1 : 0);
  if (count > compared_max) return wrong(fmt::format("{} destinations; {} are the most", count, compared_max));
  if (options.cold && ::access(cache_control, W_OK) != 0)
    return wrong(fmt::format("--cold: {} cannot be written: {}", cache_control, "it takes root"));
  return options;
}

}  // namespace holdfast::initiator
