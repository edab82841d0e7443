#include "initiator/engine/iscsi_engine.h"

#include <utility>

#include "initiator/device/libiscsi_device.h"
#include "initiator/device/native/native_device.h"

namespace holdfast::initiator {

Task<Result<std::unique_ptr<IscsiSession>>> log_in(Loop& loop, IscsiEngine engine, IscsiLogin login,
                                                   Instant deadline) {
  std::unique_ptr<IscsiSession> session;
  if (engine == IscsiEngine::native) {
    NativeSession::Options options;
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
  if (engine == IscsiEngine::libiscsi) {
    LibiscsiDevice::Options library;
    library.open_deadline = options.open_deadline;
    library.depth_max = options.depth_max;
    library.isid = options.isid;
    Result<std::unique_ptr<Device>> device = co_await LibiscsiDevice::open(loop, std::move(url), library);
    co_return device;
  }
  NativeDevice::Options native;
  native.open_deadline = options.open_deadline;
  native.depth_max = options.depth_max;
  native.isid = options.isid;
  Result<std::unique_ptr<Device>> device = co_await NativeDevice::open(loop, std::move(url), native);
  co_return device;
}

}  // namespace holdfast::initiator
