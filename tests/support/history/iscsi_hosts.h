#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/history/workload.h"

struct iscsi_context;
struct scsi_task;

namespace holdfast::testing_support {

/// The hosts of a workload as initiators of libiscsi's, each with a session of its own, on one
/// thread. What goes wrong is returned in words; all is well where there are none.
class IscsiHosts {
 public:
  IscsiHosts(Workload& workload, int hosts, int depth);
  ~IscsiHosts();
  IscsiHosts(const IscsiHosts&) = delete;
  IscsiHosts& operator=(const IscsiHosts&) = delete;

  /// Logs all hosts in, which have no session, to a LUN 0 of its own for them.
  std::string connect(const std::string& url);
  /// Registers all hosts, and reserves for host 0.
  std::string set_up();
  /// Has the hosts send that many commands in all, each with `depth` under way. Then some still are.
  std::string run(int commands);
  /// Waits for the answers of those, and reads all cells once more.
  std::string finish();
  /// Breaks the connections. What was under way has been given up by the workload before.
  void drop();

 private:
  struct Sent;
  std::string send(int host, Ask ask);
  std::string service(int milliseconds);
  std::string wait_for_all();
  void cancel_abandoned();
  static void ended(iscsi_context* iscsi, int status, void* command, void* sent);

  Workload& workload_;
  const int depth_;
  std::vector<iscsi_context*> sessions_;  // by host
  std::map<int, std::unique_ptr<Sent>> sent_;  // by ticket
};

}  // namespace holdfast::testing_support
