#include "initiator/verdict/stack_timers.h"

#include <array>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* shared_or_alone =
    "if every node stalled together, Linux 4.7 and later fences none (its nodes agree over o2net); a node that "
    "stalled alone is fenced";

constexpr std::array<StackTimer, 14> timers = {{
    {"corosync, 2 nodes", "the token is lost; 3.6 s later a new membership, which fences", TimerFeeds::silence,
     TimerStands::on_network, seconds(3), milliseconds(2250), milliseconds(0),
     "if its ring shares this network; the token is UDP and does not wait for TCP"},
    {"VMFS ATS heartbeat", "the host loses access to the volume", TimerFeeds::storage, TimerStands::on_blocks, seconds(8),
     seconds(0), seconds(3), nullptr},
    {"SBD, one disk", "the watchdog resets this node", TimerFeeds::storage, TimerStands::on_blocks, seconds(9), seconds(5),
     seconds(1), "unless pacemaker vouches for the node"},
    {"open-iscsi NOP-Out", "the session is dropped (conn error 1022) and I/O waits for a new login", TimerFeeds::silence,
     TimerStands::on_iscsi, seconds(10), seconds(0), seconds(0), "an idle session has only 5 s of it"},
    {"multipath over iSCSI", "the path fails over; without another path I/O fails", TimerFeeds::silence,
     TimerStands::on_iscsi, seconds(15), seconds(10), seconds(0), "with no_path_retry fail"},
    {"NBD client, -timeout 30", "the connection is given up; with no other the request fails (EIO)", TimerFeeds::operation,
     TimerStands::on_nbd, seconds(30), seconds(0), seconds(0), "with another -timeout after so many seconds"},
    {"open-iscsi command timer", "the command is aborted, and 15 s later the session dropped (conn error 1021)",
     TimerFeeds::operation, TimerStands::on_iscsi, seconds(30), seconds(0), seconds(0),
     "the abort comes after 30 to 90 s"},
    {"OCFS2 o2hb, threshold 31", "this node fences itself", TimerFeeds::storage, TimerStands::on_blocks, seconds(60),
     seconds(30), seconds(2), shared_or_alone, true},
    {"sanlock", "what holds leases is killed; reset after 120 s", TimerFeeds::storage, TimerStands::on_blocks, seconds(80),
     seconds(60), seconds(20), nullptr},
    {"OCFS2 o2net, 30 s idle", "the quorum rule fences", TimerFeeds::silence, TimerStands::on_network, seconds(96),
     seconds(30), seconds(2), "if the nodes talk over this network"},
    {"OCFS2 o2hb, threshold 61", "this node fences itself", TimerFeeds::storage, TimerStands::on_blocks, seconds(120),
     seconds(60), seconds(2), shared_or_alone, true},
    {"NFS client, hard", "it logs that the server does not respond, and goes on trying", TimerFeeds::operation,
     TimerStands::on_nfs, seconds(180), seconds(0), seconds(0), nullptr},
    {"OCFS2 o2net, 60 s idle", "the quorum rule fences", TimerFeeds::silence, TimerStands::on_network, seconds(186),
     seconds(60), seconds(2), "if the nodes talk over this network"},
    {"NBD client without -timeout", "nothing: it waits for ever", TimerFeeds::operation, TimerStands::on_nbd, seconds(0),
     seconds(30), seconds(0), nullptr},
}};

}  // namespace

std::span<const StackTimer> stack_timers() { return timers; }

}  // namespace holdfast::initiator
