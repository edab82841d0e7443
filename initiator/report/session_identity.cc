#include "initiator/report/session_identity.h"

#include <charconv>
#include <system_error>

namespace holdfast::initiator {

std::optional<SessionIdentity> SessionIdentity::of(const std::map<std::string, std::string>& negotiated) {
  const auto said = [&negotiated](const char* key) {
    const auto found = negotiated.find(key);
    return found == negotiated.end() ? std::string() : found->second;
  };
  SessionIdentity session{said("InitiatorName"), said("ISID"), 0};
  const std::string tsih = said("TSIH");
  const auto [end, error] = std::from_chars(tsih.data(), tsih.data() + tsih.size(), session.tsih);
  const bool whole = !tsih.empty() && error == std::errc() && end == tsih.data() + tsih.size();
  if (session.initiator.empty() || session.isid.empty() || !whole) return std::nullopt;
  return session;
}

}  // namespace holdfast::initiator
