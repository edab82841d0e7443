#include "initiator/tree/ext4_tree.h"

#include <cerrno>
#include <fmt/format.h>
#include <utility>

#include "common/runtime/fd.h"
#include "initiator/tree/ext4_format.h"
#include "initiator/tree/mounted_ext4.h"

namespace holdfast::initiator {
namespace {

Status check_device(const Device& device) {
  if (device.block_bytes() <= 4096) return {};
  return Error{ErrorKind::invalid_input, EINVAL,
               fmt::format("make a filesystem: the device takes blocks of {} bytes, and ext4's have 4096; "
                           "let its server take smaller ones",
                           device.block_bytes())};
}

Task<Result<std::unique_ptr<Tree>>> begun_or_closed(std::unique_ptr<MountedExt4> tree,
                                                    Status begun) {
  if (begun) co_return std::unique_ptr<Tree>(std::move(tree));
  // What it says then is the consequence; the caller wants the cause.
  [[maybe_unused]] const Status closed = co_await tree->close();
  co_return begun.error();
}

}  // namespace

Task<Result<std::unique_ptr<Tree>>> Ext4Tree::make(Loop& loop, Device& device,
                                                   const Ext4Options& options) {
  const Status fit = check_device(device);
  if (!fit) co_return fit.error();
  if (device.read_only())
    co_return Error{ErrorKind::refused, EROFS, "make a filesystem: the device is read-only"};
  const Result<Fd> image = co_await make_ext4_image(loop, device.size(), options);
  if (!image) co_return image.error();
  Result<std::unique_ptr<Fiber>> fiber = Fiber::create(loop);
  if (!fiber) co_return fiber.error();
  auto tree = std::make_unique<MountedExt4>(loop, device, std::move(fiber).value(), options, true);
  Status begun = co_await tree->begin_new(image->get());
  Result<std::unique_ptr<Tree>> result =
      co_await begun_or_closed(std::move(tree), std::move(begun));
  co_return result;
}

Task<Result<std::unique_ptr<Tree>>> Ext4Tree::open(Loop& loop, Device& device,
                                                   const Ext4Options& options) {
  const Status fit = check_device(device);
  if (!fit) co_return fit.error();
  Result<std::unique_ptr<Fiber>> fiber = Fiber::create(loop);
  if (!fiber) co_return fiber.error();
  auto tree = std::make_unique<MountedExt4>(loop, device, std::move(fiber).value(), options, false);
  Status begun = co_await tree->begin_existing();
  Result<std::unique_ptr<Tree>> result =
      co_await begun_or_closed(std::move(tree), std::move(begun));
  co_return result;
}

}  // namespace holdfast::initiator
