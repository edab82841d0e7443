#pragma once

#include <string>

#include "common/runtime/task.h"
#include "target/admin/administrator.h"

namespace holdfast::target {

/// Answers one request of the control socket: a JSON object, in a line.
///
///   op        new, delete, update, show (ietadm's); volume, session, save, reload, resize, slow, stats, fault
///   tid, sid, cid, lun, user, params, redirect    ietadm's options, present as on its command line
///   force     delete a target although it has sessions
///   after, connections, limit_ms    of slow, and `after` of stats: see slow.h
///
/// The answer is a JSON object in a line: `errno` (0: done), `message` (why not), `text` (ietadm's lines)
/// and `data` (the same for programs).
Task<std::string> answer_request(Administrator& administrator, std::string line);

}  // namespace holdfast::target
