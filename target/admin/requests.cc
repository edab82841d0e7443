#include "target/admin/requests.h"

#include <cerrno>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "target/admin/lun_faults.h"
#include "target/admin/proc_text.h"
#include "target/admin/show.h"
#include "target/admin/slow.h"
#include "target/config/write_config.h"
#include "target/session/session.h"

namespace holdfast::target {
namespace {

using nlohmann::json;

Error invalid(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

/// A request's members, each with its type and range.
struct Request {
  std::string op;
  std::optional<std::uint32_t> tid;
  std::optional<std::uint64_t> sid;
  std::optional<std::uint16_t> cid;
  std::optional<std::uint32_t> lun;
  std::optional<std::string> params;
  std::optional<std::string> redirect;
  std::optional<std::uint64_t> after;
  std::optional<std::uint32_t> limit_ms;
  bool connections = false;
  bool user = false;
  bool force = false;
};

class RequestReader {
 public:
  explicit RequestReader(const json& object) : object_(object) {}

  template <typename Number>
  void number(const char* key, std::optional<Number>& into) {
    const auto found = object_.find(key);
    if (found == object_.end()) return;
    if (found->is_number_unsigned() && found->get<std::uint64_t>() <= std::numeric_limits<Number>::max())
      into = static_cast<Number>(found->get<std::uint64_t>());
    else
      wrong(key);
  }
  void text(const char* key, std::optional<std::string>& into) {
    const auto found = object_.find(key);
    if (found == object_.end()) return;
    if (found->is_string())
      into = found->get<std::string>();
    else
      wrong(key);
  }
  void flag(const char* key, bool& into) {
    const auto found = object_.find(key);
    if (found == object_.end()) return;
    if (found->is_boolean())
      into = found->get<bool>();
    else
      wrong(key);
  }
  const std::optional<Error>& problem() const { return problem_; }

 private:
  void wrong(const char* key) {
    if (!problem_) problem_ = invalid(fmt::format("{} has a value that it cannot have", key));
  }
  const json& object_;
  std::optional<Error> problem_;
};

Result<Request> read_request(const std::string& line) {
  const json object = json::parse(line, nullptr, false);
  if (!object.is_object()) return invalid("a request is a JSON object");
  RequestReader reader(object);
  Request request;
  std::optional<std::string> op;
  reader.text("op", op);
  reader.number("tid", request.tid);
  reader.number("sid", request.sid);
  reader.number("cid", request.cid);
  reader.number("lun", request.lun);
  reader.text("params", request.params);
  reader.text("redirect", request.redirect);
  reader.number("after", request.after);
  reader.number("limit_ms", request.limit_ms);
  reader.flag("connections", request.connections);
  reader.flag("user", request.user);
  reader.flag("force", request.force);
  if (reader.problem()) return *reader.problem();
  if (!op) return invalid("a request names its op");
  request.op = *op;
  return request;
}

using Answer = Result<Shown>;

Answer done(const Status& status) {
  if (!status) return status.error();
  return Shown{};
}

Result<const ServedTarget*> find_target(const Administrator& administrator, const Request& request) {
  if (!request.tid) return invalid("--tid is needed");
  const ServedTarget* target = administrator.targets().find(*request.tid);
  if (target == nullptr)
    return Error{ErrorKind::invalid_input, ENOENT, fmt::format("there is no target with tid {}", *request.tid)};
  return target;
}

// show

Answer show_users_of(const Administrator& administrator, const Request& request) {
  std::optional<Administrator::NamedUser> one;
  if (request.params) {
    Result<Administrator::NamedUser> named = Administrator::read_user(*request.params);
    if (!named) return named.error();
    one = std::move(*named);
  }
  Result<Accounts> accounts = administrator.accounts_of(request.tid.value_or(0));
  if (!accounts) return accounts.error();
  Shown shown = show_users(*accounts, one ? &*one : nullptr);
  if (one && shown.text.empty()) return Error{ErrorKind::invalid_input, ENOENT, "there is no such user"};
  return shown;
}

Answer show_session_of(const Administrator& administrator, const ServedTarget& target, const Request& request) {
  if (*request.sid == 0 && !request.cid) return show_offer(*target.config);
  Result<Session*> session = administrator.find_session(*request.tid, *request.sid);
  if (!session) return session.error();
  if (!request.cid) return show_session(**session);
  for (const std::unique_ptr<Connection>& connection : (*session)->connections())
    if (connection->cid() == *request.cid && !connection->is_over()) return show_connection(*connection);
  return Error{ErrorKind::invalid_input, ENOENT, fmt::format("the session has no connection {}", *request.cid)};
}

Answer show(const Administrator& administrator, const Request& request) {
  if (request.user) return show_users_of(administrator, request);
  if (!request.tid && !request.sid && !request.lun) return show_all(administrator);
  Result<const ServedTarget*> target = find_target(administrator, request);
  if (!target) return target.error();
  if (request.sid) return show_session_of(administrator, **target, request);
  if (request.cid) return invalid("--cid needs --sid");
  if (!request.lun) return show_target(administrator, **target);
  for (const LunConfig& lun : (*target)->config->luns)
    if (lun.number == *request.lun && (*target)->device->find(lun.number) != nullptr) return show_lun(**target, lun);
  return Error{ErrorKind::invalid_input, ENOENT,
               fmt::format("{} has no Lun {}", (*target)->config->name, *request.lun)};
}

// new, delete, update

Result<std::string> name_in(const Request& request) {
  constexpr std::string_view key = "Name=";
  const std::string params = request.params.value_or("");
  if (!params.starts_with(key)) return invalid("--params Name=IQN is needed");
  return params.substr(key.size());
}

Task<Answer> add(Administrator& administrator, const Request& request) {
  if (request.sid || request.cid) co_return invalid("sessions and connections come by themselves");
  if (request.user) {
    Result<Administrator::NamedUser> user = Administrator::read_user(request.params.value_or(""));
    if (!user) co_return user.error();
    Status added = co_await administrator.new_user(request.tid.value_or(0), std::move(*user));
    co_return done(added);
  }
  if (request.lun) {
    if (!request.tid) co_return invalid("--tid is needed");
    std::string options = request.params.value_or("");
    Status added = co_await administrator.new_lun(*request.tid, *request.lun, std::move(options));
    co_return done(added);
  }
  Result<std::string> name = name_in(request);
  if (!name) co_return name.error();
  Result<std::uint32_t> tid = co_await administrator.new_target(request.tid.value_or(0), std::move(*name));
  if (!tid) co_return tid.error();
  Shown shown;
  shown.data["tid"] = *tid;
  co_return shown;
}

Task<Answer> remove(Administrator& administrator, const Request& request) {
  if (request.user) {
    Result<Administrator::NamedUser> user = Administrator::read_user(request.params.value_or(""));
    if (!user) co_return user.error();
    Status removed = co_await administrator.delete_user(request.tid.value_or(0), std::move(*user));
    co_return done(removed);
  }
  const bool whole_daemon = !request.tid && !request.sid && !request.cid && !request.lun;
  if (whole_daemon) {
    Status removed = co_await administrator.delete_all();
    co_return done(removed);
  }
  if (!request.tid) co_return invalid("--tid is needed");
  if (request.cid && !request.sid) co_return invalid("--cid needs --sid");
  if (request.cid) co_return done(administrator.delete_connection(*request.tid, *request.sid, *request.cid));
  if (request.sid) co_return done(administrator.delete_session(*request.tid, *request.sid));
  if (request.lun) {
    Status removed = co_await administrator.delete_lun(*request.tid, *request.lun);
    co_return done(removed);
  }
  Status removed = co_await administrator.delete_target(*request.tid, request.force);
  co_return done(removed);
}

Task<Answer> update(Administrator& administrator, const Request& request) {
  if (!request.tid) co_return invalid("--tid is needed");
  if (request.sid && *request.sid != 0) co_return invalid("a session keeps what was negotiated when it began");
  if (request.redirect) {
    std::string address = *request.redirect;
    Status redirected = co_await administrator.redirect_target(*request.tid, std::move(address));
    co_return done(redirected);
  }
  std::string params = request.params.value_or("");
  if (request.lun) co_return done(administrator.update_lun(*request.tid, *request.lun, params));
  Status updated = co_await administrator.update_target(*request.tid, std::move(params));
  co_return done(updated);
}

Task<Answer> reload(Administrator& administrator, const Request&) {
  Result<std::string> report = co_await administrator.reload();
  if (!report) co_return report.error();
  Shown shown{std::move(*report), {}};
  co_return shown;
}

Task<Answer> resize(Administrator& administrator, const Request& request) {
  if (request.lun && !request.tid) co_return invalid("--tid is needed");
  Result<std::string> report = co_await administrator.resize(request.tid, request.lun);
  if (!report) co_return report.error();
  Shown shown{std::move(*report), {}};
  co_return shown;
}

Task<Answer> show_now(Administrator& administrator, const Request& request) {
  co_return show(administrator, request);
}

/// Both as text alone, whose lines others parse.
Task<Answer> volume(Administrator& administrator, const Request&) {
  Shown shown{volume_text(administrator), show_all(administrator).data};
  co_return shown;
}

Task<Answer> session(Administrator& administrator, const Request&) {
  Shown shown{session_text(administrator), show_all(administrator).data};
  co_return shown;
}

Task<Answer> save(Administrator& administrator, const Request&) {
  Shown shown;
  shown.text = write_config(administrator.running());
  shown.data["file"] = administrator.config_file();
  co_return shown;
}

Task<Answer> slow(Administrator& administrator, const Request& request) {
  if (request.limit_ms) administrator.set_slow_limit(std::chrono::milliseconds(*request.limit_ms));
  co_return show_slow(administrator, request.after.value_or(0), request.connections);
}

Task<Answer> stats(Administrator& administrator, const Request& request) {
  co_return show_statistics(administrator, request.after.value_or(0));
}

Task<Answer> fault(Administrator& administrator, const Request& request) {
  co_return answer_fault(administrator.targets(), request.tid, request.lun, request.params.value_or("list"));
}

struct Verb {
  const char* op;
  Task<Answer> (*run)(Administrator&, const Request&);
};

constexpr Verb verbs[] = {
    {"new", add},       {"delete", remove},   {"update", update}, {"show", show_now}, {"volume", volume},
    {"session", session}, {"save", save},     {"reload", reload}, {"resize", resize},
    {"slow", slow},     {"stats", stats},     {"fault", fault},
};

}  // namespace

Task<std::string> answer_request(Administrator& administrator, std::string line) {
  Result<Request> request = read_request(line);
  Answer answer = invalid("");
  if (!request) {
    answer = request.error();
  } else {
    const Verb* found = nullptr;
    for (const Verb& verb : verbs)
      if (request->op == verb.op) found = &verb;
    if (found == nullptr) {
      answer = invalid("there is no such op: " + request->op);
    } else {
      Answer given = co_await found->run(administrator, *request);
      answer = std::move(given);
    }
  }
  json said;
  said["errno"] = answer ? 0 : (answer.error().code != 0 ? answer.error().code : EIO);
  if (answer) {
    said["text"] = answer->text;
    if (!answer->data.is_null()) said["data"] = answer->data;
  } else {
    said["message"] = answer.error().message;
  }
  co_return said.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace holdfast::target
