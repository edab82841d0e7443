#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/cli/compare_child.h"
#include "initiator/cli/destination.h"
#include "initiator/cli/run.h"
#include "initiator/report/compare_record.h"
#include "initiator/servers/interrupts.h"
#include "initiator/servers/reference_server.h"
#include "initiator/servers/running_server.h"
#include "initiator/servers/storage.h"

namespace holdfast::initiator {

/// A destination as the user wrote it.
struct NamedDestination {
  std::string text;  // without a password
  Result<Destination> place;
};

struct CompareOptions {
  RunOptions run;  // of each copy; the paths and `quiet` are the comparison's own
  std::string source;
  std::vector<NamedDestination> destinations;
  std::vector<const ReferenceServer*> servers;
  bool servers_asked = false;  // by name, and not offered because nothing was
  bool local_limit = false;
  std::uint32_t rounds = 1;
  bool verify = true;
  bool cold = false;
  std::uint32_t readers = 0;  // of finished files, beside each copy
  bool locks = false;         // on finished files, where the destination has them
  std::string storage;  // the folder under which servers keep their images and trees
};

/// One `holdfast compare`: starts the servers, lets every destination have its copies in turn, and
/// keeps what they did. It only waits for others: whatever may be stuck or crash is a process of its
/// own, so it always comes to its end.
class Comparison {
 public:
  Comparison(CompareOptions options, Interrupts& interrupts);

  /// All of it; what there is to tell is in the record then. An error says why nothing was tried.
  Status run();
  const CompareRecord& record() const { return record_; }

 private:
  /// One destination, and what it takes to let a copy go there.
  struct Contender {
    std::size_t place = 0;                    // in the record's destinations
    std::optional<Destination> named;         // by the user
    std::shared_ptr<RunningServer> server;    // ours; a twin shares it
    std::shared_ptr<std::uint32_t> runs;      // that went there so far; a twin shares it
    std::string image;                        // of the local limit
    bool ready = false;                       // copies may be tried
    bool ran_well = false;                    // the last one came to a good end
  };

  Status measure();
  void add_local_limit();
  void add_named(const NamedDestination& destination);
  void add_server(const ReferenceServer& server);
  void start_server(const ReferenceServer& server, CompareDestination& destination, Contender& contender);
  void add_twin(const Contender& first);
  std::size_t add(CompareDestination destination);

  void perform_round(std::uint32_t round);
  void perform(Contender& contender, std::uint32_t round);
  bool may_have_twin(const Contender& contender) const;
  Result<Destination> make_ready(Contender& contender);
  Status make_target(Contender& contender, const Destination& target);
  void tidy(const Contender& contender, const Destination& target);
  void take(Contender& contender, std::uint32_t round, CopyEnd end, const Destination& target);
  void refuse(Contender& contender, std::uint32_t round, const Error& error, int code);
  RunRecord failed_run(const std::string& url, const std::string& reason) const;
  void say(const std::string& text) const;
  bool interrupted() { return interrupts_.signal() != 0; }

  const CompareOptions options_;
  Interrupts& interrupts_;
  CompareRecord record_;
  std::optional<Storage> storage_;
  SourceSize size_;
  std::uint64_t image_bytes_ = 0;
  std::vector<Contender> contenders_;
  std::uint32_t runs_begun_ = 0;
};

}  // namespace holdfast::initiator
