#include "initiator/tree/nfs_session.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "initiator/device/resolve.h"
#include "initiator/tree/nfs3.h"
#include "initiator/tree/nfs4.h"
#include "initiator/tree/nfs_mount.h"
#include "initiator/tree/portmap.h"
#include "initiator/tree/rpc_deadline.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint16_t nfs_port = 2049;
constexpr std::uint32_t mode_of_new_root = S_IFDIR | 0755;

SocketAddress with_port(const SocketAddress& host, std::uint16_t port) {
  const Result<SocketAddress> address = SocketAddress::parse(host.host(), port);
  CHECK(address.ok());
  return *address;
}

}  // namespace

NfsSession::NfsSession(Loop& loop, NfsUrl url) : loop_(loop), url_(std::move(url)) {}

NfsSession::~NfsSession() = default;

RpcCredential NfsSession::credential() const {
  RpcCredential credential = RpcCredential::own();
  if (url_.uid) credential.uid = *url_.uid;
  if (url_.gid) credential.gid = *url_.gid;
  return credential;
}

Task<Result<std::unique_ptr<NfsSession>>> NfsSession::open(Loop& loop, NfsUrl url, bool make_root,
                                                           Instant deadline) {
  std::unique_ptr<NfsSession> session(new NfsSession(loop, std::move(url)));
  Status started = co_await session->start(make_root, deadline);
  if (started) co_return session;
  co_await session->close();
  co_return started.error();
}

Task<Status> NfsSession::start(bool make_root, Instant deadline) {
  std::string host = url_.host;
  Result<SocketAddress> address = co_await resolve(loop_, std::move(host), nfs_port, deadline);
  if (!address) co_return address.error();
  host_ = *address;
  if (url_.version == 3) {
    Status started = co_await start3(make_root, deadline);
    co_return started;
  }
  Status started = co_await start4(make_root, deadline);
  co_return started;
}

Task<Status> NfsSession::connect(RpcProgram program, std::uint16_t port, Instant deadline) {
  RpcConnection::Options options{
      .program = program, .credential = credential(), .calls_max = url_.requests};
  const SocketAddress address = with_port(host_, port);
  Result<std::unique_ptr<RpcConnection>> connected =
      co_await RpcConnection::connect(loop_, address, std::move(options), deadline);
  if (!connected) co_return connected.error();
  connection_ = std::move(connected).value();
  co_return Status();
}

Task<Status> NfsSession::mount(std::uint16_t port, std::size_t& found, Instant deadline) {
  RpcConnection::Options options{.program = mount_program, .credential = credential(), .calls_max = 1};
  const SocketAddress address = with_port(host_, port);
  Result<std::unique_ptr<RpcConnection>> connected =
      co_await RpcConnection::connect(loop_, address, std::move(options), deadline);
  if (!connected) co_return connected.error();
  RpcConnection& mountd = **connected;
  const std::vector<std::string> components = url_.components();
  Result<NfsMount> mounted = Error{};
  {
    RpcDeadline limit(loop_, mountd, deadline);
    Result<NfsMount> answered = co_await mount_longest(mountd, components);
    mounted = std::move(answered);
  }
  wire_before_ += mountd.wire();
  co_await mountd.close();
  if (!mounted) co_return mounted.error();
  root_.handle = mounted->handle;
  found = mounted->components;
  co_return Status();
}

Task<Status> NfsSession::start3(bool make_root, Instant deadline) {
  std::uint16_t nfs = url_.nfs_port;
  std::uint16_t mountd = url_.mount_port;
  if (nfs == 0) {
    const Result<std::uint16_t> port = co_await find_port(loop_, host_, nfs3_program, deadline, wire_before_);
    if (!port) co_return port.error();
    nfs = *port;
  }
  if (mountd == 0) {
    const Result<std::uint16_t> port = co_await find_port(loop_, host_, mount_program, deadline, wire_before_);
    if (!port) co_return port.error();
    mountd = *port;
  }
  std::size_t found = 0;
  Status mounted = co_await mount(mountd, found, deadline);
  if (!mounted) co_return mounted;
  Status connected = co_await connect(nfs3_program, nfs, deadline);
  if (!connected) co_return connected;
  locks_ = std::make_unique<NfsLocks3>(loop_, host_);
  protocol_ = std::make_unique<Nfs3>(*connection_, *locks_);
  RpcDeadline limit(loop_, *connection_, deadline);
  Result<NfsFacts> facts = co_await protocol_->get_attributes(root_.handle);
  if (!facts) co_return facts.error();
  root_.facts = std::move(facts).value();
  Status arrived = co_await descend(found, make_root);
  co_return arrived;
}

Task<Status> NfsSession::start4(bool make_root, Instant deadline) {
  const std::uint16_t port = url_.nfs_port == 0 ? nfs_port : url_.nfs_port;
  Status connected = co_await connect(nfs4_program, port, deadline);
  if (!connected) co_return connected;
  auto protocol = std::make_unique<Nfs4>(loop_, *connection_);
  Nfs4& version4 = *protocol;
  protocol_ = std::move(protocol);
  RpcDeadline limit(loop_, *connection_, deadline);
  Status introduced = co_await version4.introduce();
  if (!introduced) co_return introduced;
  lease_seconds_ = version4.lease_seconds();
  Result<NfsNode> root = co_await version4.root();
  if (!root) co_return root.error();
  root_ = std::move(root).value();
  Status arrived = co_await descend(0, make_root);
  co_return arrived;
}

Task<Status> NfsSession::descend(std::size_t first, bool make_root) {
  const std::vector<std::string> components = url_.components();
  for (std::size_t i = first; i < components.size(); ++i) {
    Result<NfsNode> found = co_await protocol_->look_up(root_.handle, components[i]);
    const bool missing = !found && found.error().code == ENOENT && i + 1 == components.size();
    if (missing && make_root) {
      NfsChange change;
      change.values.mode = mode_of_new_root;
      change.mode = true;
      const std::string no_target;
      Result<NfsNode> made = co_await protocol_->make(root_.handle, components[i], change, no_target);
      if (made) {
        root_ = std::move(made).value();
        root_is_new_ = true;
        co_return Status();
      }
    }
    if (!found) {
      Error error = co_await not_found(components[i], found.error());
      co_return error;
    }
    root_ = std::move(found).value();
  }
  if (S_ISDIR(root_.facts.attributes.mode)) co_return Status();
  co_return Error{ErrorKind::refused, ENOTDIR, fmt::format("{} on {} is no directory", url_.path, url_.host)};
}

/// Says what is there instead.
Task<Error> NfsSession::not_found(const std::string& component, Error error) {
  constexpr std::size_t told_max = 8;
  error.message = fmt::format("find {} on {}: '{}': {}", url_.path, connection_->address().to_string(), component,
                              error.message);
  if (error.code != ENOENT) co_return error;
  const Result<std::vector<NfsEntry>> entries = co_await protocol_->read_directory(root_.handle);
  if (!entries) co_return error;
  std::string there;
  for (std::size_t i = 0; i < entries->size() && i <= told_max; ++i)
    there += (i == 0 ? "" : ", ") + (i == told_max ? std::string("…") : (*entries)[i].name);
  error.message += there.empty() ? "; nothing is there" : "; what is there: " + there;
  co_return error;
}

std::map<std::string, std::string> NfsSession::negotiated() const {
  std::map<std::string, std::string> keys;
  keys["server"] = connection_->address().to_string();
  keys["version"] = url_.version == 3 ? "3" : "4.0";
  keys["requests"] = std::to_string(url_.requests);
  if (lease_seconds_ != 0) keys["lease_seconds"] = std::to_string(lease_seconds_);
  return keys;
}

WireUse NfsSession::wire() const {
  WireUse use = wire_before_;
  if (connection_ != nullptr) use += connection_->wire();
  if (locks_ != nullptr) use += locks_->wire();
  return use;
}

void NfsSession::fail(const Error& why) {
  if (connection_ != nullptr) connection_->fail(why);
  if (locks_ != nullptr) locks_->fail(why);
}

Task<void> NfsSession::close() {
  if (locks_ != nullptr) co_await locks_->close();
  if (connection_ != nullptr) co_await connection_->close();
}

}  // namespace holdfast::initiator
