#include "initiator/tree/portmap.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <nfsc/libnfs-raw-portmap.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "common/base/check.h"
#include "common/base/endian.h"
#include "initiator/tree/rpc_connection.h"
#include "initiator/tree/rpc_deadline.h"
#include "initiator/tree/xdr.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint16_t portmap_port = 111;
constexpr std::size_t mapping_bytes = 16;

Task<Result<std::uint16_t>> ask(RpcConnection& connection, RpcProgram program) {
  RpcCall call;
  connection.begin(call, PMAP2_GETPORT);
  pmap2_mapping mapping{.prog = program.number, .vers = program.version, .prot = IPPROTO_TCP, .port = 0};
  CHECK(append_xdr(call.message, zdr_pmap2_mapping, mapping, mapping_bytes));
  co_await connection.perform(call);
  if (!call.status) co_return call.status.error();
  if (call.results.size() < sizeof(be32)) co_return undecodable("ask rpcbind");
  be32 port;
  std::memcpy(&port, call.results.data(), sizeof port);
  if (port == 0 || port > 65535)
    co_return Error{ErrorKind::refused, ENOENT,
                    fmt::format("rpcbind at {} does not know {} over TCP: is it running there?",
                                connection.address().to_string(), program.name)};
  co_return static_cast<std::uint16_t>(port);
}

}  // namespace

Task<Result<std::uint16_t>> find_port(Loop& loop, const SocketAddress& host, const RpcProgram& program,
                                      Instant deadline, WireUse& wire) {
  const Result<SocketAddress> address = SocketAddress::parse(host.host(), portmap_port);
  CHECK(address.ok());
  RpcConnection::Options options{.program = portmap_program, .credential = RpcCredential::own(), .calls_max = 1};
  Result<std::unique_ptr<RpcConnection>> connected =
      co_await RpcConnection::connect(loop, *address, options, deadline);
  if (!connected) {
    Error error = connected.error();
    error.message += fmt::format(" (to find the port of {}; a port given in the URL needs no rpcbind)", program.name);
    co_return error;
  }
  RpcConnection& connection = **connected;
  Result<std::uint16_t> port = Error{};
  {
    RpcDeadline limit(loop, connection, deadline);
    Result<std::uint16_t> answered = co_await ask(connection, program);
    port = std::move(answered);
  }
  wire += connection.wire();
  co_await connection.close();
  co_return port;
}

}  // namespace holdfast::initiator
