#include "initiator/tree/nfs4_attributes.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "common/base/endian.h"
#include "initiator/tree/rpc_message.h"
#include "initiator/tree/xdr.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint32_t nobody = 65534;
constexpr std::size_t owner_bytes_max = 1024;
constexpr std::array<std::uint32_t, 8> type_bits = {0,       S_IFREG, S_IFDIR,  S_IFBLK,
                                                    S_IFCHR, S_IFLNK, S_IFSOCK, S_IFIFO};

/// Takes values off the front of an attribute list.
class ValueReader {
 public:
  explicit ValueReader(const attrlist4& list) : at_(list.attrlist4_val), left_(list.attrlist4_len) {}

  std::uint32_t word() { return take<be32>(); }
  std::uint64_t hyper() { return take<be64>(); }
  std::string opaque(std::size_t bytes_max) {
    const std::size_t bytes = word();
    const std::size_t padded = (bytes + 3) / 4 * 4;
    if (bytes > bytes_max || padded > left_) {
      short_ = true;
      return {};
    }
    std::string value(at_, bytes);
    advance(padded);
    return value;
  }
  FileTime time() {
    const auto seconds = static_cast<std::int64_t>(hyper());
    return {.seconds = seconds, .nanoseconds = word()};
  }
  bool ran_short() const { return short_; }

 private:
  template <typename Value>
  Value take() {
    Value value{};
    if (left_ < sizeof value) {
      short_ = true;
      return value;
    }
    std::memcpy(&value, at_, sizeof value);
    advance(sizeof value);
    return value;
  }
  void advance(std::size_t bytes) {
    at_ += bytes;
    left_ -= bytes;
  }

  const char* at_;
  std::size_t left_;
  bool short_ = false;
};

struct Row {
  std::uint32_t number;
  void (*read)(ValueReader& from, Nfs4Values& to, Nfs4Owners& owners);
};

// Ascending, as the values come.
const std::array<Row, 18> rows = {{
    {FATTR4_TYPE,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) {
       const std::uint32_t type = from.word();
       to.facts.attributes.mode |= type < type_bits.size() ? type_bits[type] : 0;
     }},
    {FATTR4_SIZE, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.facts.attributes.bytes = from.hyper(); }},
    {FATTR4_FSID,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) {
       to.facts.identity.filesystem_major = from.hyper();
       to.facts.identity.filesystem_minor = from.hyper();
     }},
    {FATTR4_LEASE_TIME, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.lease_seconds = from.word(); }},
    {FATTR4_RDATTR_ERROR, [](ValueReader& from, Nfs4Values&, Nfs4Owners&) { from.word(); }},
    {FATTR4_FILEHANDLE, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.handle = from.opaque(NFS4_FHSIZE); }},
    {FATTR4_FILEID, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.facts.identity.file = from.hyper(); }},
    {FATTR4_MAXREAD, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.read_bytes_max = from.hyper(); }},
    {FATTR4_MAXWRITE, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.write_bytes_max = from.hyper(); }},
    {FATTR4_MODE,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.facts.attributes.mode |= from.word() & 07777; }},
    {FATTR4_NUMLINKS, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.facts.attributes.links = from.word(); }},
    {FATTR4_OWNER,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners& owners) {
       to.facts.attributes.uid = owners.user(from.opaque(owner_bytes_max));
     }},
    {FATTR4_OWNER_GROUP,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners& owners) {
       to.facts.attributes.gid = owners.group(from.opaque(owner_bytes_max));
     }},
    {FATTR4_RAWDEV,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) {
       const std::uint32_t major_number = from.word();
       to.facts.attributes.device = makedev(major_number, from.word());
     }},
    {FATTR4_SPACE_AVAIL, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.space_available = from.hyper(); }},
    {FATTR4_TIME_ACCESS,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.facts.attributes.accessed = from.time(); }},
    {FATTR4_TIME_DELTA, [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.time_step = from.time(); }},
    {FATTR4_TIME_MODIFY,
     [](ValueReader& from, Nfs4Values& to, Nfs4Owners&) { to.facts.attributes.modified = from.time(); }},
}};

constexpr std::uint32_t bit(std::uint32_t attribute) { return 1U << (attribute % 32); }

constexpr std::array<std::uint32_t, 2> node_mask = {
    bit(FATTR4_TYPE) | bit(FATTR4_SIZE) | bit(FATTR4_FSID) | bit(FATTR4_FILEID),
    bit(FATTR4_MODE) | bit(FATTR4_NUMLINKS) | bit(FATTR4_OWNER) | bit(FATTR4_OWNER_GROUP) | bit(FATTR4_RAWDEV) |
        bit(FATTR4_TIME_ACCESS) | bit(FATTR4_TIME_MODIFY)};
constexpr std::array<std::uint32_t, 1> entry_mask = {bit(FATTR4_TYPE) | bit(FATTR4_FSID) | bit(FATTR4_RDATTR_ERROR) |
                                           bit(FATTR4_FILEHANDLE) | bit(FATTR4_FILEID)};
constexpr std::array<std::uint32_t, 2> filesystem_mask = {
    bit(FATTR4_LEASE_TIME) | bit(FATTR4_MAXREAD) | bit(FATTR4_MAXWRITE),
    bit(FATTR4_SPACE_AVAIL) | bit(FATTR4_TIME_DELTA)};

/// libnfs moves arguments both ways, so it takes no const ones.
bitmap4 bitmap_of(std::span<const std::uint32_t> words) {
  return {.bitmap4_len = static_cast<u_int>(words.size()), .bitmap4_val = const_cast<std::uint32_t*>(words.data())};
}

/// More names than any server has; beyond, they are looked up anew.
constexpr std::size_t names_max = 10'000;

std::optional<std::uint32_t> number(const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// "root@example.org" without its domain.
std::string name_of(const std::string& text) { return text.substr(0, text.find('@')); }

void append_be64(std::vector<std::byte>& message, std::uint64_t value) {
  append_be32(message, static_cast<std::uint32_t>(value >> 32));
  append_be32(message, static_cast<std::uint32_t>(value));
}

void append_text(std::vector<std::byte>& message, const std::string& text) {
  append_opaque(message, std::as_bytes(std::span(text)));
}

void append_time(std::vector<std::byte>& message, const FileTime& time) {
  append_be32(message, SET_TO_CLIENT_TIME4);
  append_be64(message, static_cast<std::uint64_t>(time.seconds));
  append_be32(message, time.nanoseconds);
}

}  // namespace

bitmap4 node_attributes() { return bitmap_of(node_mask); }
bitmap4 entry_attributes() { return bitmap_of(entry_mask); }
bitmap4 filesystem_attributes() { return bitmap_of(filesystem_mask); }

std::uint32_t Nfs4Owners::user(const std::string& text) {
  if (const std::optional<std::uint32_t> id = number(text)) return *id;
  const auto known = users_.find(text);
  if (known != users_.end()) return known->second;
  if (users_.size() == names_max) users_.clear();
  const passwd* entry = ::getpwnam(name_of(text).c_str());
  return users_[text] = entry == nullptr ? nobody : entry->pw_uid;
}

std::uint32_t Nfs4Owners::group(const std::string& text) {
  if (const std::optional<std::uint32_t> id = number(text)) return *id;
  const auto known = groups_.find(text);
  if (known != groups_.end()) return known->second;
  if (groups_.size() == names_max) groups_.clear();
  const ::group* entry = ::getgrnam(name_of(text).c_str());
  return groups_[text] = entry == nullptr ? nobody : entry->gr_gid;
}

Result<Nfs4Values> read_attributes(const fattr4& attributes, Nfs4Owners& owners) {
  Nfs4Values values;
  ValueReader reader(attributes.attr_vals);
  std::size_t row = 0;
  for (std::uint32_t word = 0; word < attributes.attrmask.bitmap4_len; ++word) {
    for (std::uint32_t i = 0; i < 32; ++i) {
      if ((attributes.attrmask.bitmap4_val[word] & (1U << i)) == 0) continue;
      const std::uint32_t attribute = word * 32 + i;
      while (row < rows.size() && rows[row].number < attribute) ++row;
      if (row == rows.size() || rows[row].number != attribute) return undecodable("get attributes");
      rows[row].read(reader, values, owners);
    }
  }
  if (reader.ran_short()) return undecodable("get attributes");
  Attributes& to = values.facts.attributes;
  if (!S_ISREG(to.mode)) to.bytes = 0;
  if (!S_ISCHR(to.mode) && !S_ISBLK(to.mode)) to.device = 0;
  return values;
}

Nfs4Change::Nfs4Change(const NfsChange& change) : mask_(2) {
  const Attributes& values = change.values;
  const auto put = [this](std::uint32_t attribute) { mask_[attribute / 32] |= bit(attribute); };
  if (change.size) {
    put(FATTR4_SIZE);
    append_be64(values_, values.bytes);
  }
  if (change.mode) {
    put(FATTR4_MODE);
    append_be32(values_, values.mode & 07777);
  }
  if (change.owner) {
    put(FATTR4_OWNER);
    append_text(values_, std::to_string(values.uid));
    put(FATTR4_OWNER_GROUP);
    append_text(values_, std::to_string(values.gid));
  }
  if (change.times) {
    put(FATTR4_TIME_ACCESS_SET);
    append_time(values_, values.accessed);
    put(FATTR4_TIME_MODIFY_SET);
    append_time(values_, values.modified);
  }
}

fattr4 Nfs4Change::get() const {
  fattr4 attributes{};
  attributes.attrmask = bitmap_of(mask_);
  attributes.attr_vals.attrlist4_len = static_cast<u_int>(values_.size());
  attributes.attr_vals.attrlist4_val = const_cast<char*>(reinterpret_cast<const char*>(values_.data()));
  return attributes;
}

}  // namespace holdfast::initiator
