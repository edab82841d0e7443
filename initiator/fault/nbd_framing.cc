// NBD as far as it takes to tell one message from the next (the NBD protocol's own document,
// "Newstyle negotiation" and "Transmission phase").

#include <algorithm>
#include <cstring>

#include "common/base/endian.h"
#include "initiator/fault/framing.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint64_t option_magic = 0x49484156454f5054;  // "IHAVEOPT"
constexpr std::uint64_t option_reply_magic = 0x0003e889045565a9;
constexpr std::uint32_t request_magic = 0x25609513;
constexpr std::uint32_t simple_reply_magic = 0x67446698;
constexpr std::uint32_t structured_reply_magic = 0x668e33ef;

struct ServerGreeting {
  be64 magic, option_magic;
  be16 flags;
};
struct OptionHead {
  be64 magic;
  be32 option, bytes;
};
struct OptionReplyHead {
  be64 magic;
  be32 option, type, bytes;
};
struct RequestHead {
  be32 magic;
  be16 flags, type;
  be64 cookie, offset;
  be32 bytes;
};
struct SimpleReplyHead {
  be32 magic, error;
  be64 cookie;
};
struct StructuredReplyHead {
  be32 magic;
  be16 flags, type;
  be64 cookie;
  be32 bytes;
};
static_assert(sizeof(ServerGreeting) == 18 && sizeof(OptionHead) == 16 && sizeof(OptionReplyHead) == 20);
static_assert(sizeof(RequestHead) == 28 && sizeof(SimpleReplyHead) == 16 && sizeof(StructuredReplyHead) == 20);

constexpr std::uint32_t option_export_name = 1, option_start_tls = 5;
constexpr std::uint16_t command_read = 0, command_write = 1;
constexpr std::uint16_t reply_done = 1;
constexpr std::uint32_t client_no_zeroes = 2;
constexpr std::size_t client_flags_bytes = 4;
constexpr std::size_t export_bytes = 10, export_zeroes_bytes = 124;
constexpr std::uint32_t spoilt_cookie_byte = 15;  // its last one, in requests and in replies
/// More reads than any client keeps in flight.
constexpr std::size_t reads_most = 65536;

template <typename Head>
bool take(std::span<const std::byte> bytes, Head& head) {
  if (bytes.size() < sizeof head) return false;
  std::memcpy(&head, bytes.data(), sizeof head);
  return true;
}

Found need(std::uint64_t bytes) { return {.what = Found::What::need_more, .bytes = bytes}; }

Found message_of(Way way, std::uint64_t bytes) {
  Found found{.what = Found::What::message};
  found.message.protocol = Protocol::nbd;
  found.message.way = way;
  found.message.bytes = bytes;
  return found;
}

Found answer_of(std::uint64_t head_bytes, std::uint64_t data_bytes) {
  Found found = message_of(Way::in, head_bytes + data_bytes);
  found.message.role = MessageKind::reply;
  found.message.spoilt_header_byte = spoilt_cookie_byte;
  found.message.data = {head_bytes, data_bytes};
  return found;
}

}  // namespace

Found Framing::look_at_nbd(Way way, std::span<const std::byte> bytes) {
  return way == Way::out ? look_at_nbd_request(bytes) : look_at_nbd_answer(bytes);
}

Found Framing::look_at_nbd_request(std::span<const std::byte> bytes) {
  be32 first;
  if (!take(bytes, first)) return need(sizeof first);
  if (!greeted_) {
    greeted_ = true;
    no_zeroes_ = (first & client_no_zeroes) != 0;
    return message_of(Way::out, client_flags_bytes);
  }
  if (first == option_magic >> 32) {
    OptionHead head;
    if (!take(bytes, head)) return need(sizeof head);
    if (head.option == option_export_name) export_named_ = true;
    if (head.option == option_start_tls) lost_[Way::out] = lost_[Way::in] = true;  // What follows is sealed.
    return message_of(Way::out, sizeof head + std::uint64_t{head.bytes});
  }
  if (first != request_magic) return give_up(Way::out);
  RequestHead head;
  if (!take(bytes, head)) return need(sizeof head);
  const bool writes = head.type == command_write;
  const bool reads = head.type == command_read;
  if (reads && reads_.size() < reads_most) reads_[head.cookie] = head.bytes;
  Found found = message_of(Way::out, sizeof head + (writes ? std::uint64_t{head.bytes} : 0));
  found.message.role = MessageKind::request;
  if (reads) found.message.access = MessageKind::read;
  if (writes) found.message.access = MessageKind::write;
  found.message.spoilt_header_byte = spoilt_cookie_byte;
  found.message.data = {sizeof head, writes ? std::uint64_t{head.bytes} : 0};
  return found;
}

Found Framing::look_at_nbd_answer(std::span<const std::byte> bytes) {
  be32 first;
  if (!take(bytes, first)) return need(sizeof first);
  if (first == simple_reply_magic) {
    SimpleReplyHead head;
    if (!take(bytes, head)) return need(sizeof head);
    const auto read = reads_.find(head.cookie);
    const std::uint32_t data_bytes = read == reads_.end() || head.error != 0 ? 0 : read->second;
    if (read != reads_.end()) reads_.erase(read);
    return answer_of(sizeof head, data_bytes);
  }
  if (first == structured_reply_magic) {
    StructuredReplyHead head;
    if (!take(bytes, head)) return need(sizeof head);
    if ((head.flags & reply_done) != 0) reads_.erase(head.cookie);
    return answer_of(sizeof head, head.bytes);
  }
  be64 magic;
  if (!take(bytes, magic)) return need(sizeof magic);
  if (magic == option_reply_magic) {
    OptionReplyHead head;
    if (!take(bytes, head)) return need(sizeof head);
    return message_of(Way::in, sizeof head + std::uint64_t{head.bytes});
  }
  if (std::memcmp(bytes.data(), "NBDMAGIC", sizeof magic) == 0) {
    ServerGreeting head;
    if (!take(bytes, head)) return need(sizeof head);
    if (head.option_magic != option_magic) return give_up(Way::in);  // The old style, which nobody speaks.
    return message_of(Way::in, sizeof head);
  }
  if (!export_named_) return give_up(Way::in);
  export_named_ = false;
  return message_of(Way::in, export_bytes + (no_zeroes_ ? 0 : export_zeroes_bytes));
}

}  // namespace holdfast::initiator
