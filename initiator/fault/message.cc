#include "initiator/fault/message.h"

#include <algorithm>

namespace holdfast::initiator {
namespace {

struct Name {
  MessageKind kind;
  std::string_view text;
};

constexpr std::array names = std::to_array<Name>({
    {MessageKind::message, "message"},
    {MessageKind::request, "request"},
    {MessageKind::reply, "reply"},
    {MessageKind::read, "read"},
    {MessageKind::write, "write"},
    {MessageKind::nop_out, "nop-out"},
    {MessageKind::scsi_command, "scsi-command"},
    {MessageKind::task_management_request, "task-management-request"},
    {MessageKind::login_request, "login-request"},
    {MessageKind::text_request, "text-request"},
    {MessageKind::data_out, "data-out"},
    {MessageKind::logout_request, "logout-request"},
    {MessageKind::snack_request, "snack-request"},
    {MessageKind::nop_in, "nop-in"},
    {MessageKind::scsi_response, "scsi-response"},
    {MessageKind::task_management_response, "task-management-response"},
    {MessageKind::login_response, "login-response"},
    {MessageKind::text_response, "text-response"},
    {MessageKind::data_in, "data-in"},
    {MessageKind::logout_response, "logout-response"},
    {MessageKind::r2t, "r2t"},
    {MessageKind::async_message, "async-message"},
    {MessageKind::reject, "reject"},
    {MessageKind::datagram, "datagram"},
});

}  // namespace

std::string_view name_of(MessageKind kind) {
  const auto* found = std::find_if(names.begin(), names.end(), [kind](const Name& name) { return name.kind == kind; });
  return found->text;
}

std::optional<MessageKind> message_kind(std::string_view name) {
  const auto* found = std::find_if(names.begin(), names.end(), [name](const Name& one) { return one.text == name; });
  if (found == names.end()) return std::nullopt;
  return found->kind;
}

std::string message_kind_names() {
  std::string all;
  for (const Name& name : names) {
    if (!all.empty()) all += ", ";
    all += name.text;
  }
  return all;
}

bool Message::is(MessageKind asked) const {
  return asked == MessageKind::message || asked == kind || asked == role || asked == access;
}

}  // namespace holdfast::initiator
