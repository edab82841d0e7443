#include "target/store/fault_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/duration.h"

namespace holdfast::target {
namespace {

template <typename Value>
struct Word {
  std::string_view text;
  Value value;
};

constexpr std::array kinds = std::to_array<Word<Fault::Kind>>({{"hang", Fault::Kind::hang},
                                                               {"stick", Fault::Kind::stick},
                                                               {"delay", Fault::Kind::delay},
                                                               {"fail", Fault::Kind::fail},
                                                               {"tear", Fault::Kind::tear},
                                                               {"lose", Fault::Kind::lose}});
constexpr std::array errors = std::to_array<Word<int>>(
    {{"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EROFS", EROFS}, {"ETIMEDOUT", ETIMEDOUT}});
constexpr std::array operations = std::to_array<Word<StoreOperation>>({{"read", StoreOperation::read},
                                                                       {"write", StoreOperation::write},
                                                                       {"flush", StoreOperation::flush},
                                                                       {"unmap", StoreOperation::unmap}});

template <typename Table>
auto find(const Table& table, std::string_view word) {
  return std::find_if(table.begin(), table.end(), [word](const auto& row) { return row.text == word; });
}

template <typename Table>
std::string words_of(const Table& table) {
  std::string all;
  for (const auto& row : table) all += (all.empty() ? "" : ", ") + std::string(row.text);
  return all;
}

bool read_number(std::string_view text, std::uint64_t& into) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && stop == text.data() + text.size();
}

class FaultReader {
 public:
  FaultReader(std::string_view text, std::uint32_t block_bytes) : block_bytes_(block_bytes) {
    constexpr std::string_view blanks = " \t\n";
    for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
      const std::size_t end = std::min(text.find_first_of(blanks, at), text.size());
      words_.push_back(text.substr(at, end - at));
      at = text.find_first_not_of(blanks, end);
    }
  }

  Result<Fault> read() {
    Status kind = read_kind();
    while (kind && more()) kind = read_detail();
    if (!kind) return kind.error();
    return fault_;
  }

 private:
  bool more() const { return at_ < words_.size(); }
  bool takes(std::string_view word) {
    if (!more() || words_[at_] != word) return false;
    ++at_;
    return true;
  }
  Error wanted(std::string_view what) const {
    const std::string there = more() ? fmt::format("'{}' is not", words_[at_]) : "missing is";
    return Error{ErrorKind::invalid_input, EINVAL, fmt::format("word {}: {} {}", at_ + 1, there, what)};
  }

  Status read_kind() {
    const auto kind = more() ? find(kinds, words_[at_]) : kinds.end();
    if (kind == kinds.end()) return wanted("one of " + words_of(kinds));
    ++at_;
    fault_.kind = kind->value;
    if (fault_.kind == Fault::Kind::delay) return read_time(fault_.delay);
    if (fault_.kind != Fault::Kind::fail) return {};
    const auto error = more() ? find(errors, words_[at_]) : errors.end();
    if (error == errors.end()) return wanted("one of " + words_of(errors));
    ++at_;
    fault_.error = error->value;
    return {};
  }

  Status read_time(Duration& into) {
    const Result<Duration> time = more() ? parse_duration(words_[at_]) : Result<Duration>(wanted(""));
    if (!time) return wanted("a time as in 200ms or 5s");
    ++at_;
    into = *time;
    return {};
  }

  Status read_count(std::uint64_t& into, std::uint64_t least) {
    if (!more() || !read_number(words_[at_], into) || into < least) return wanted("a count");
    ++at_;
    return {};
  }

  Status read_detail() {
    if (const auto operation = find(operations, words_[at_]); operation != operations.end()) {
      fault_.operation = operation->value;
      ++at_;
      return {};
    }
    if (takes("lba")) return read_blocks();
    if (takes("share")) return read_share();
    if (takes("seed")) return read_count(fault_.seed, 0);
    if (takes("times")) return read_count(fault_.times, 1);
    if (takes("for")) return read_time(fault_.lasts.emplace());
    if (fault_.kind == Fault::Kind::delay && takes("jitter")) return read_time(fault_.jitter);
    if (!takes("nth")) return wanted("one of " + words_of(operations) + ", lba, nth, times, share, seed, for");
    const Status count = read_count(fault_.skip, 1);
    if (count) --fault_.skip;
    return count;
  }

  Status read_blocks() {
    constexpr std::string_view to = "..";
    const std::string_view word = more() ? words_[at_] : std::string_view();
    const std::size_t dots = std::min(word.find(to), word.size());
    std::uint64_t first = 0;
    if (!read_number(word.substr(0, dots), first)) return wanted("LBAs as in 100 or 100..199");
    std::uint64_t last = first;
    if (dots < word.size() && !read_number(word.substr(dots + to.size()), last)) return wanted("LBAs as in 100 or 100..199");
    if (last < first || last >= std::numeric_limits<std::uint64_t>::max() / block_bytes_ - 1)
      return wanted("LBAs as in 100 or 100..199");
    fault_.from = first * block_bytes_;
    fault_.to = (last + 1) * block_bytes_;
    ++at_;
    return {};
  }

  Status read_share() {
    const std::string_view word = more() ? words_[at_] : std::string_view();
    double percent = 0;
    const char* end = word.data() + word.size();
    const bool written = word.ends_with('%') && std::from_chars(word.data(), end - 1, percent).ptr == end - 1;
    if (!written || !(percent > 0 && percent <= 100)) return wanted("a share as in 10% or 0.5%");
    fault_.percent = percent;
    ++at_;
    return {};
  }

  std::vector<std::string_view> words_;
  std::size_t at_ = 0;
  const std::uint32_t block_bytes_;
  Fault fault_;
};

}  // namespace

Result<Fault> parse_fault(std::string_view text, std::uint32_t block_bytes) {
  return FaultReader(text, block_bytes).read();
}

}  // namespace holdfast::target
