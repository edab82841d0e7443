// LD_PRELOADed into a tool of sg3_utils, carries its SCSI commands to an iSCSI LUN: what the tool
// takes for a device is any file, and every SG_IO on it goes to SG_URL, as the initiator SG_INITIATOR
// with the ISID that SG_ISID chooses. So other people's code asks our target, and reads its answers.

#include <dlfcn.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int connect_seconds = 10;

struct Session {
  iscsi_context* context = nullptr;
  int lun = 0;
};

[[noreturn]] void give_up(const char* what, const char* why) {
  std::fprintf(stderr, "sg_over_iscsi: %s: %s\n", what, why);
  std::_Exit(98);
}

const char* setting(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) give_up(name, "is not set");
  return value;
}

Session log_in() {
  Session session;
  session.context = iscsi_create_context(setting("SG_INITIATOR"));
  if (session.context == nullptr) give_up("iscsi_create_context", "failed");
  iscsi_url* const url = iscsi_parse_full_url(session.context, setting("SG_URL"));
  if (url == nullptr) give_up("SG_URL", iscsi_get_error(session.context));
  const char* const isid = std::getenv("SG_ISID");
  iscsi_set_isid_random(session.context, isid == nullptr ? 1u : static_cast<unsigned>(std::atoi(isid)), 0);
  iscsi_set_targetname(session.context, url->target);
  iscsi_set_session_type(session.context, ISCSI_SESSION_NORMAL);
  iscsi_set_timeout(session.context, connect_seconds);
  iscsi_set_noautoreconnect(session.context, 1);
  if (iscsi_full_connect_sync(session.context, url->portal, url->lun) != 0)
    give_up(setting("SG_URL"), iscsi_get_error(session.context));
  session.lun = url->lun;
  iscsi_destroy_url(url);
  return session;
}

scsi_xfer_dir direction_of(const sg_io_hdr& header) {
  if (header.dxfer_len == 0 || header.dxfer_direction == SG_DXFER_NONE) return SCSI_XFER_NONE;
  return header.dxfer_direction == SG_DXFER_TO_DEV ? SCSI_XFER_WRITE : SCSI_XFER_READ;
}

/// Sense data comes with its length in front.
void take_sense(const scsi_task& task, sg_io_hdr& header) {
  if (task.status != SCSI_STATUS_CHECK_CONDITION || task.datain.size < 2) return;
  const auto bytes = std::min<std::size_t>(static_cast<std::size_t>(task.datain.size) - 2,
                                           header.mx_sb_len);
  std::memcpy(header.sbp, task.datain.data + 2, bytes);
  header.sb_len_wr = static_cast<unsigned char>(bytes);
  header.driver_status = 0x08;  // there is sense data
}

void run(const Session& session, sg_io_hdr& header) {
  const scsi_xfer_dir direction = direction_of(header);
  auto* const bytes = static_cast<unsigned char*>(header.dxferp);
  scsi_task* task = scsi_create_task(header.cmd_len, header.cmdp, direction,
                                     static_cast<int>(header.dxfer_len));
  iscsi_data data{};
  data.size = header.dxfer_len;
  data.data = bytes;
  iscsi_data* const out = direction == SCSI_XFER_WRITE ? &data : nullptr;
  if (iscsi_scsi_command_sync(session.context, session.lun, task, out) == nullptr)
    give_up("a command", iscsi_get_error(session.context));
  // libiscsi's own, for commands that the connection took with it, are none of the target's.
  if (task->status < 0 || task->status > 0xff) give_up("a command", "the connection broke");
  header.status = static_cast<unsigned char>(task->status);
  header.masked_status = static_cast<unsigned char>((task->status >> 1) & 0x1f);
  header.host_status = header.driver_status = 0;
  header.sb_len_wr = 0;
  header.resid = task->residual_status == SCSI_RESIDUAL_UNDERFLOW ? static_cast<int>(task->residual) : 0;
  take_sense(*task, header);
  if (direction == SCSI_XFER_READ && task->status == SCSI_STATUS_GOOD)
    std::memcpy(bytes, task->datain.data,
                std::min<std::size_t>(static_cast<std::size_t>(task->datain.size), header.dxfer_len));
  header.info = header.status == 0 ? SG_INFO_OK : SG_INFO_CHECK;
  scsi_free_scsi_task(task);
}

}  // namespace

extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request == SG_IO) {
    static const Session session = log_in();
    run(session, *static_cast<sg_io_hdr*>(argument));
    return 0;
  }
  using Ioctl = int (*)(int, unsigned long, ...);
  static const auto next = reinterpret_cast<Ioctl>(::dlsym(RTLD_NEXT, "ioctl"));
  return next(fd, request, argument);
}
