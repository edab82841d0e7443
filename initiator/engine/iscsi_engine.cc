#include "initiator/engine/iscsi_engine.h"

#include <utility>

#include "initiator/device/iscsi_device.h"
#include "initiator/device/libiscsi_session.h"
#include "initiator/device/native/native_session.h"
#include "initiator/device/resolve.h"

namespace holdfast::initiator {

Task<Result<std::unique_ptr<IscsiSession>>> log_in(Loop& loop, IscsiEngine engine, IscsiLogin login,
                                                   Instant deadline, std::uint32_t commands_max) {
  std::unique_ptr<IscsiSession> session;
  if (engine == IscsiEngine::native) {
    NativeSession::Options options;
    options.commands_max = commands_max;
    Result<std::unique_ptr<NativeSession>> native =
        co_await NativeSession::log_in(loop, std::move(login), options, deadline);
    if (!native) co_return native.error();
    session = std::move(native).value();
    co_return session;
  }
  Result<std::unique_ptr<LibiscsiSession>> library =
      co_await LibiscsiSession::log_in(loop, std::move(login), deadline);
  if (!library) co_return library.error();
  session = std::move(library).value();
  co_return session;
}

Task<Result<std::unique_ptr<Device>>> open_iscsi_disk(Loop& loop, IscsiEngine engine, IscsiUrl url,
                                                      IscsiDiskOptions options) {
  const Instant deadline = clock_now() + options.open_deadline;
  std::string host = url.host;
  Result<SocketAddress> address = co_await resolve(loop, std::move(host), url.port, deadline);
  if (!address) co_return address.error();
  IscsiLogin login = IscsiLogin::of(url, *address);
  login.isid = options.isid;
  Result<std::unique_ptr<IscsiSession>> session =
      co_await log_in(loop, engine, std::move(login), deadline, options.depth_max);
  if (!session) co_return session.error();
  Result<LunFacts> facts = co_await probe_disk(loop, **session, url, deadline);
  if (!facts) {
    co_await (*session)->close(std::chrono::seconds(1));
    co_return facts.error();
  }
  IscsiDevice::Settings settings;
  settings.lun = url.lun;
  settings.echo_port = url.echo_port;
  settings.depth_max = options.depth_max;
  std::unique_ptr<Device> device =
      std::make_unique<IscsiDevice>(loop, std::move(session).value(), std::move(facts).value(), settings);
  co_return device;
}

}  // namespace holdfast::initiator
