#include "initiator/device/iscsi_session.h"

#include <fmt/format.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "initiator/device/login_refusal.h"

namespace holdfast::initiator {
namespace {

// A target has a few unit attentions for a new nexus at most; one that never runs out of them is
// not usable.
constexpr int unit_attentions_max = 16;
constexpr Duration pause_when_busy = std::chrono::milliseconds(100);

const char* status_name(int status) {
  switch (status) {
    case SCSI_STATUS_GOOD: return "GOOD";
    case SCSI_STATUS_CHECK_CONDITION: return "CHECK CONDITION";
    case SCSI_STATUS_CONDITION_MET: return "CONDITION MET";
    case SCSI_STATUS_BUSY: return "BUSY";
    case SCSI_STATUS_RESERVATION_CONFLICT: return "RESERVATION CONFLICT";
    case SCSI_STATUS_TASK_SET_FULL: return "TASK SET FULL";
    case SCSI_STATUS_ACA_ACTIVE: return "ACA ACTIVE";
    case SCSI_STATUS_TASK_ABORTED: return "TASK ABORTED";
    case SCSI_STATUS_CANCELLED: return "cancelled";
    case SCSI_STATUS_TIMEOUT: return "timed out";
    default: return "rejected or not understood";
  }
}

/// SPC-4 table 43.
constexpr std::array<const char*, 16> sense_key_names = {
    "NO SENSE",       "RECOVERED ERROR", "NOT READY",    "MEDIUM ERROR", "HARDWARE ERROR",  "ILLEGAL REQUEST",
    "UNIT ATTENTION", "DATA PROTECT",    "BLANK CHECK",  "VENDOR SPECIFIC", "COPY ABORTED", "ABORTED COMMAND",
    "RESERVED",       "VOLUME OVERFLOW", "MISCOMPARE",   "COMPLETED"};

}  // namespace

std::string scsi_words(int status, std::uint8_t sense_key, std::uint16_t asc_ascq) {
  if (status != SCSI_STATUS_CHECK_CONDITION) return status_name(status);
  const char* additional = scsi_sense_ascq_str(asc_ascq);  // null for most
  return fmt::format("{} ({:x}h), {}{}{:02x}h/{:02x}h", sense_key_names[sense_key & 0x0f], sense_key,
                     additional == nullptr ? "" : additional, additional == nullptr ? "" : " ", asc_ascq >> 8,
                     asc_ascq & 0xff);
}

std::uint64_t ScsiReply::number(std::size_t offset, std::size_t bytes) const {
  if (offset + bytes > data.size()) return 0;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | data[offset + i];
  return value;
}

std::string ScsiReply::text(std::size_t offset, std::size_t bytes) const {
  std::string found;
  for (std::size_t i = offset; i < std::min(offset + bytes, data.size()); ++i)
    found += data[i] >= ' ' && data[i] <= '~' ? static_cast<char>(data[i]) : ' ';
  const std::size_t first = found.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return found.substr(first, found.find_last_not_of(' ') - first + 1);
}

std::string ScsiReply::words() const { return scsi_words(status, sense_key, asc_ascq); }

Task<Result<ScsiReply>> IscsiSession::command(std::uint16_t lun, std::vector<std::uint8_t> cdb,
                                              std::uint32_t bytes, Instant deadline) {
  for (int attempt = 0;; ++attempt) {
    Result<ScsiReply> reply = co_await send_once(lun, cdb, bytes, deadline);
    if (!reply || attempt == unit_attentions_max) co_return reply;
    const bool attention =
        reply->status == SCSI_STATUS_CHECK_CONDITION && reply->sense_key == SCSI_SENSE_UNIT_ATTENTION;
    const bool busy = reply->status == SCSI_STATUS_BUSY || reply->status == SCSI_STATUS_TASK_SET_FULL;
    if (!attention && !busy) co_return reply;
    if (busy) co_await sleep_for(Loop::current(), pause_when_busy);
  }
}

Result<SocketAddress> redirected_address(const std::string& portal, const std::string& elsewhere, int hop) {
  const std::size_t colon = elsewhere.rfind(':');
  const std::string host = elsewhere.substr(0, colon);
  const int port = colon == std::string::npos ? 3260 : std::atoi(elsewhere.c_str() + colon + 1);
  Result<SocketAddress> next = SocketAddress::parse(host, static_cast<std::uint16_t>(port));
  if (next && hop < redirections_max) return next;
  return Error{ErrorKind::protocol, ELOOP,
               fmt::format("log in to {}: redirected to {}, which {}", portal, elsewhere,
                           next ? "is one redirection too many" : "is no address")};
}

Error not_connected(const std::string& portal, const Error& why) {
  return Error{why.kind, why.code,
               fmt::format("connect to {}: {}; is an iSCSI target running there, and is this its port?", portal,
                           why.message)};
}

Error not_logged_in(const IscsiLogin& login, const std::string& portal, std::span<const std::byte> heard,
                    const Error& why) {
  const LoginAttempt attempt{portal, login.target, login.user, login.initiator};
  return Error{why.kind, why.code,
               fmt::format("log in to {}: {}", portal, login_refusal(attempt, heard, why.message))};
}

Error no_answer_since(Instant since) {
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(clock_now() - since);
  return Error{ErrorKind::timed_out, ETIMEDOUT,
               fmt::format("no answer within {:.1f} s", static_cast<double>(waited.count()) / 1000)};
}

}  // namespace holdfast::initiator
