#include "tests/support/history/iscsi_hosts.h"

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>

#include <chrono>
#include <utility>

namespace holdfast::testing_support {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{60};

/// Sense data as libiscsi hands it over: a length of two bytes, and then fixed format.
Reply reply_of(int status, const scsi_task& task) {
  Reply reply;
  reply.status = static_cast<std::uint8_t>(status);
  reply.sense_key = static_cast<std::uint8_t>(task.sense.key);
  reply.additional = static_cast<std::uint16_t>(task.sense.ascq);
  const auto bytes = static_cast<std::size_t>(task.datain.size);
  const std::uint8_t* const data = task.datain.data;
  if (status == SCSI_STATUS_CHECK_CONDITION && bytes >= 2 + 7)
    reply.information = static_cast<std::uint32_t>(data[5]) << 24 | static_cast<std::uint32_t>(data[6]) << 16 |
                        static_cast<std::uint32_t>(data[7]) << 8 | data[8];
  if (status == SCSI_STATUS_GOOD && bytes > 0) reply.data_in = {data, bytes};
  return reply;
}

}  // namespace

struct IscsiHosts::Sent {
  IscsiHosts* hosts = nullptr;
  Ask ask;
  iscsi_context* session = nullptr;
  scsi_task* task = nullptr;
};

IscsiHosts::IscsiHosts(Workload& workload, int hosts, int depth)
    : workload_(workload), depth_(depth), sessions_(static_cast<std::size_t>(hosts)) {
}

IscsiHosts::~IscsiHosts() {
  drop();
}

std::string IscsiHosts::connect(const std::string& url) {
  for (std::size_t host = 0; host < sessions_.size(); ++host) {
    const std::string name = "iqn.2026-11.example.test:host-" + std::to_string(host);
    iscsi_context* const session = iscsi_create_context(name.c_str());
    sessions_[host] = session;
    // The same port after each login, since registrations belong to it.
    iscsi_set_isid_random(session, 7, static_cast<std::uint32_t>(host));
    iscsi_url* const parsed = iscsi_parse_full_url(session, url.c_str());
    if (parsed == nullptr) return iscsi_get_error(session);
    iscsi_set_targetname(session, parsed->target);
    iscsi_set_session_type(session, ISCSI_SESSION_NORMAL);
    iscsi_set_noautoreconnect(session, 1);
    const int failed = iscsi_full_connect_sync(session, parsed->portal, parsed->lun);
    iscsi_destroy_url(parsed);
    if (failed != 0) return iscsi_get_error(session);
  }
  return {};
}

std::string IscsiHosts::set_up() {
  for (std::size_t host = 0; host < sessions_.size(); ++host) {
    std::string wrong = send(static_cast<int>(host), workload_.registration(static_cast<int>(host)));
    if (!wrong.empty()) return wrong;
  }
  std::string wrong = wait_for_all();
  if (wrong.empty()) wrong = send(0, workload_.reservation());
  return wrong.empty() ? wait_for_all() : wrong;
}

std::string IscsiHosts::send(int host, Ask ask) {
  iscsi_context* const session = sessions_[static_cast<std::size_t>(host)];
  const int ticket = ask.ticket;
  auto sent = std::make_unique<Sent>(Sent{this, std::move(ask), session});
  std::vector<std::uint8_t>& out = sent->ask.data_out;
  const int direction = !out.empty() ? SCSI_XFER_WRITE : sent->ask.data_in_bytes > 0 ? SCSI_XFER_READ : SCSI_XFER_NONE;
  const auto bytes = static_cast<int>(out.empty() ? sent->ask.data_in_bytes : out.size());
  constexpr int cdb_bytes = 16;
  sent->task = scsi_create_task(cdb_bytes, sent->ask.cdb.data(), direction, bytes);
  iscsi_data data{out.size(), out.data()};
  const int failed = iscsi_scsi_command_async(session, 0, sent->task, &IscsiHosts::ended,
                                              out.empty() ? nullptr : &data, sent.get());
  if (failed != 0) return iscsi_get_error(session);
  sent_.emplace(ticket, std::move(sent));
  return {};
}

void IscsiHosts::ended(iscsi_context*, int status, void* command, void* sent_) {
  auto* const sent = static_cast<Sent*>(sent_);
  auto* const task = static_cast<scsi_task*>(command);
  IscsiHosts& hosts = *sent->hosts;
  const int ticket = sent->ask.ticket;
  // What was cancelled, or broke off, has been given up already or will be.
  if (status <= 0xff) hosts.workload_.answered(ticket, reply_of(status, *task));
  scsi_free_scsi_task(task);
  hosts.sent_.erase(ticket);
}

void IscsiHosts::cancel_abandoned() {
  for (const int ticket : workload_.take_abandoned()) {
    const auto found = sent_.find(ticket);
    if (found != sent_.end()) iscsi_scsi_cancel_task(found->second->session, found->second->task);
  }
}

std::string IscsiHosts::service(int milliseconds) {
  std::vector<pollfd> waiting;
  for (iscsi_context* session : sessions_)
    waiting.push_back({iscsi_get_fd(session), static_cast<short>(iscsi_which_events(session)), 0});
  if (::poll(waiting.data(), waiting.size(), milliseconds) < 0) return "poll failed";
  for (std::size_t i = 0; i < waiting.size(); ++i)
    if (waiting[i].revents != 0 && iscsi_service(sessions_[i], waiting[i].revents) < 0)
      return "host " + std::to_string(i) + " lost its connection: " + iscsi_get_error(sessions_[i]);
  cancel_abandoned();
  return {};
}

std::string IscsiHosts::run(int commands) {
  const Clock::time_point until = Clock::now() + patience;
  while (commands > 0) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      const int host = static_cast<int>(i);
      while (commands > 0 && workload_.in_flight(host) < depth_) {
        std::string wrong = send(host, workload_.next(host));
        if (!wrong.empty()) return wrong;
        --commands;
      }
    }
    std::string wrong = service(100);
    if (!wrong.empty()) return wrong;
    if (Clock::now() > until) return "the answers do not come";
  }
  return {};
}

std::string IscsiHosts::wait_for_all() {
  const Clock::time_point until = Clock::now() + patience;
  for (;;) {
    int left = 0;
    for (std::size_t i = 0; i < sessions_.size(); ++i) left += workload_.in_flight(static_cast<int>(i));
    if (left == 0) return {};
    std::string wrong = service(100);
    if (!wrong.empty()) return wrong;
    if (Clock::now() > until) return std::to_string(left) + " commands are never answered";
  }
}

std::string IscsiHosts::finish() {
  std::string wrong = wait_for_all();
  if (wrong.empty()) wrong = send(0, workload_.last_look());
  return wrong.empty() ? wait_for_all() : wrong;
}

void IscsiHosts::drop() {
  for (iscsi_context*& session : sessions_)
    if (session != nullptr) iscsi_destroy_context(std::exchange(session, nullptr));
  sent_.clear();
}

}  // namespace holdfast::testing_support
