#include "common/iscsi/exchange.h"

#include <array>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/iscsi/framing.h"

namespace holdfast::iscsi {

void PduExchange::Deadline::expire() {
  passed_ = true;
  ::shutdown(fd_, SHUT_RDWR);  // Whatever is in flight on the socket ends now.
}

Error PduExchange::failure(std::int32_t result, std::string_view doing) const {
  if (deadline_.passed())
    return Error{ErrorKind::timed_out, 0, fmt::format("the deadline passed {}", doing)};
  if (result == 0)
    return Error{ErrorKind::peer_closed, 0,
                 fmt::format("the peer closed the connection {}", doing)};
  return Error::from_errno(-result, std::string(doing));
}

Task<Status> PduExchange::receive_exactly(std::span<std::byte> bytes, std::string_view what) {
  std::size_t received = 0;
  while (received < bytes.size()) {
    const Operation receive =
        Operation::recv(fd_, bytes.data() + received, bytes.size() - received, MSG_WAITALL);
    const std::int32_t result = co_await loop_.perform(receive);
    if (result == -EINTR) continue;
    if (result <= 0) {
      const std::string doing = received == 0 ? fmt::format("before {}", what)
                                              : fmt::format("after {} of the {} bytes of {}",
                                                            received, bytes.size(), what);
      co_return failure(result, doing);
    }
    const std::span<const std::byte> came = bytes.subspan(received, static_cast<std::size_t>(result));
    if (keeps_ && heard_.size() + came.size() <= heard_bytes_max) heard_.insert(heard_.end(), came.begin(), came.end());
    received += came.size();
  }
  co_return Status{};
}

Task<Result<GenericBhs>> PduExchange::receive_header() {
  HeaderBytes bytes;
  Status received = co_await receive_exactly(bytes, "a header");
  if (!received) co_return received.error();
  co_return from_bytes<GenericBhs>(bytes);
}

Task<Result<std::string>> PduExchange::receive_data(GenericBhs header) {
  const PduLayout layout = layout_of(header);
  std::string data(layout.after_header(), '\0');
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(data));
  Status received = co_await receive_exactly(bytes, "a data segment");
  if (!received) co_return received.error();
  data.erase(0, layout.ahs_bytes);
  data.resize(layout.data_bytes);
  co_return data;
}

Task<Status> PduExchange::send(GenericBhs header, std::string_view data) {
  header.ahs_words = 0;
  header.data_segment_bytes = static_cast<std::uint32_t>(data.size());
  const HeaderBytes head = to_bytes(header);
  std::string bytes(reinterpret_cast<const char*>(head.data()), head.size());
  bytes.append(data);
  bytes.append(layout_of(header).padding_bytes, '\0');
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    iovec vector{bytes.data() + sent, bytes.size() - sent};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    const Operation send_rest = Operation::sendmsg(fd_, &message, MSG_NOSIGNAL);
    const std::int32_t result = co_await loop_.perform(send_rest);
    if (result == -EINTR) continue;
    if (result <= 0) co_return failure(result, "while sending");
    sent += static_cast<std::size_t>(result);
  }
  co_return Status{};
}

}  // namespace holdfast::iscsi
