#include "initiator/cli/destination.h"

#include <cstdlib>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <utility>

#include "initiator/cli/destination_words.h"
#include "initiator/device/file_device.h"
#include "initiator/engine/iscsi_engine.h"
#include "initiator/device/nbd_device.h"
#include "initiator/tree/directory_tree.h"

namespace holdfast::initiator {
namespace {

constexpr std::string_view file_scheme = "file://";
constexpr std::string_view iscsi_scheme = "iscsi://";
constexpr std::array<std::string_view, 4> nbd_schemes = {"nbd://", "nbds://", "nbd+unix://", "nbds+unix://"};
constexpr std::string_view nfs_scheme = "nfs://";
constexpr std::string_view directory_scheme = "dir://";

Error wrong(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

/// What follows the scheme, which is a path from the root.
Result<std::string> absolute_path(std::string_view text, std::string_view scheme, std::string_view example) {
  const std::string_view path = text.substr(scheme.size());
  if (!path.empty() && path.front() == '/') return std::string(path);
  return wrong(fmt::format("{}: the path after {} is absolute, as in {}", text, scheme, example));
}

}  // namespace

Result<Destination> Destination::parse(std::string_view text, const char* secret, IscsiEngine engine) {
  if (text.starts_with(iscsi_scheme)) {
    Result<IscsiUrl> url = IscsiUrl::parse(text);
    if (!url) return url.error();
    Status complete = url->complete_password(secret, std::getenv("HOLDFAST_TARGET_PASSWORD"));
    if (!complete) return complete.error();
    return Destination(std::move(url).value(), engine);
  }
  for (std::string_view scheme : nbd_schemes) {
    if (!text.starts_with(scheme)) continue;
    Result<NbdUrl> url = NbdUrl::parse(text);
    if (!url) return url.error();
    return Destination(std::move(url).value());
  }
  if (text.starts_with(nfs_scheme)) {
    Result<NfsUrl> url = NfsUrl::parse(text);
    if (!url) return url.error();
    Nfs nfs;
    nfs.url = std::move(url).value();
    return Destination(std::move(nfs));
  }
  if (text.starts_with(file_scheme)) {
    Result<std::string> path = absolute_path(text, file_scheme, "file:///srv/image");
    if (!path) return path.error();
    return Destination(File{std::move(path).value()});
  }
  if (text.starts_with(directory_scheme)) {
    Result<std::string> path = absolute_path(text, directory_scheme, "dir:///mnt/share");
    if (!path) return path.error();
    return Destination(Directory{std::move(path).value()});
  }
  return no_destination(text);
}

std::string Destination::to_string() const {
  if (const auto* url = std::get_if<IscsiUrl>(&place_)) return url->to_string();
  if (const auto* url = std::get_if<NbdUrl>(&place_)) return url->to_string();
  if (const auto* nfs = std::get_if<Nfs>(&place_)) return nfs->url.to_string();
  if (const auto* directory = std::get_if<Directory>(&place_)) return std::string(directory_scheme) + directory->path;
  return std::string(file_scheme) + std::get<File>(place_).path;
}

std::string Destination::path() const {
  if (const auto* directory = std::get_if<Directory>(&place_)) return directory->path;
  const auto* file = std::get_if<File>(&place_);
  return file == nullptr ? "" : file->path;
}

bool Destination::is_device() const {
  return std::holds_alternative<IscsiUrl>(place_) || std::holds_alternative<NbdUrl>(place_) ||
         std::holds_alternative<File>(place_);
}

bool Destination::may_stick() const {
  return std::holds_alternative<File>(place_) || std::holds_alternative<Directory>(place_);
}

Task<Result<std::unique_ptr<Tree>>> Destination::open_tree(Loop& loop, bool read_only, Duration deadline,
                                                           StuckIn* stuck_in, Reconnect reconnect) const {
  if (const auto* directory = std::get_if<Directory>(&place_)) {
    std::string path = directory->path;
    Task<Result<std::unique_ptr<Tree>>> opening =
        read_only ? DirectoryTree::open(loop, std::move(path), deadline, stuck_in)
                  : DirectoryTree::make(loop, std::move(path), deadline, stuck_in);
    Result<std::unique_ptr<Tree>> tree = co_await opening;
    co_return tree;
  }
  const auto* nfs = std::get_if<Nfs>(&place_);
  CHECK(nfs != nullptr);
  NfsUrl url = nfs->url;
  NfsTree::Options options;
  options.writable = !read_only;
  options.open_deadline = deadline;
  options.findings = nfs->findings;
  options.reconnect = reconnect.time;
  options.listener = reconnect.listener;
  Result<std::unique_ptr<Tree>> tree = co_await NfsTree::open(loop, std::move(url), std::move(options));
  co_return tree;
}

Task<Result<std::unique_ptr<Device>>> Destination::open_device(Loop& loop, bool read_only, Duration deadline,
                                                               std::uint32_t depth, Reconnect reconnect) const {
  // One name for our end of an iSCSI session and of all that follow it.
  const iscsi::Isid isid = IscsiLogin::random_isid();
  Result<std::unique_ptr<Device>> first = co_await open_session(loop, read_only, deadline, depth, isid);
  if (!first || reconnect.time <= Duration(0) || std::holds_alternative<File>(place_)) co_return first;
  ReconnectingDevice::Options options;
  options.time = reconnect.time;
  if (std::holds_alternative<IscsiUrl>(place_)) options.old_commands = OldCommands::end_first;
  ReconnectingDevice::Factory factory = [here = *this, &loop, read_only, depth, isid](Duration limit) {
    return here.open_session(loop, read_only, limit, depth, isid);
  };
  std::unique_ptr<Device> device = std::make_unique<ReconnectingDevice>(
      loop, std::move(first).value(), std::move(factory), options, reconnect.listener);
  co_return device;
}

Task<Result<std::unique_ptr<Device>>> Destination::open_session(Loop& loop, bool read_only, Duration deadline,
                                                                std::uint32_t depth, iscsi::Isid isid) const {
  if (const auto* url = std::get_if<IscsiUrl>(&place_)) {
    IscsiUrl taken = *url;
    IscsiDiskOptions options;
    options.isid = isid;
    options.open_deadline = deadline;
    if (depth != 0) options.depth_max = depth;
    Result<std::unique_ptr<Device>> device = co_await open_iscsi_disk(loop, engine_, std::move(taken), options);
    co_return device;
  }
  if (const auto* url = std::get_if<NbdUrl>(&place_)) {
    NbdUrl taken = *url;
    NbdDevice::Options options;
    options.open_deadline = deadline;
    if (depth != 0) options.depth_max = depth;
    Result<std::unique_ptr<Device>> device = co_await NbdDevice::open(loop, std::move(taken), options);
    co_return device;
  }
  FileDevice::Options options;
  if (depth != 0) options.depth_max = depth;
  Result<std::unique_ptr<FileDevice>> opened =
      FileDevice::open(loop, std::get<File>(place_).path, read_only, options);
  if (!opened) co_return opened.error();
  std::unique_ptr<Device> device = std::move(opened).value();
  co_return device;
}

}  // namespace holdfast::initiator
