#include "initiator/device/iscsi_hello.h"

#include <cstring>

#include "common/iscsi/door_probe.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/text.h"

namespace holdfast::initiator {

std::vector<std::byte> iscsi_hello(const std::string& initiator_name) {
  iscsi::TextBuilder text;
  text.add("InitiatorName", initiator_name);
  text.add("SessionType", "Discovery");
  // Whoever asks for a proof asks for it, and counts no failure.
  text.add("AuthMethod", "CHAP,None");
  iscsi::LoginRequestBhs request;
  request.flags = iscsi::LoginFlags::make(true, false, iscsi::LoginStage::security_negotiation,
                                          iscsi::LoginStage::operational_negotiation);
  request.isid = iscsi::door_probe_isid;
  request.data_segment_bytes = static_cast<std::uint32_t>(text.text().size());
  request.initiator_task_tag = 1;
  request.cmd_sn = 1;

  const std::size_t bytes = sizeof request + text.text().size();
  std::vector<std::byte> hello(bytes + iscsi::padding_of(static_cast<std::uint32_t>(text.text().size())));
  std::memcpy(hello.data(), &request, sizeof request);
  std::memcpy(hello.data() + sizeof request, text.text().data(), text.text().size());
  return hello;
}

}  // namespace holdfast::initiator
