#include "initiator/workload/verifier.h"

#include <algorithm>
#include <fmt/core.h>
#include <sys/stat.h>
#include <utility>

#include "common/base/units.h"
#include "initiator/workload/compare.h"

namespace holdfast::initiator {
namespace {

/// What this verification does not look for.
std::vector<Shortcoming> not_looked_for(const Tree& tree, const VerifyOptions& options) {
  std::vector<Shortcoming> all = tree.shortcomings();
  if (options.was_read)
    all.push_back({Shortcoming::Of::access_times, "the readers read the files when they were copied"});
  return all;
}

}  // namespace

Verifier::Verifier(SourceStream& stream, Tree& tree, const VerifyOptions& options,
                   Progress& progress, const std::atomic<bool>& cancelled, VerifyResult& result)
    : stream_(stream),
      tree_(tree),
      options_(options),
      progress_(progress),
      cancelled_(cancelled),
      result_(result),
      omissions_(not_looked_for(tree, options)),
      jobs_max_(std::clamp(tree.concurrency(), 1u, jobs_most)),
      buffers_(SourceStream::large_bytes, jobs_max_) {
  if (options.known == nullptr) return;
  for (const SourceProblem& problem : options.known->kept())
    known_.emplace(problem.path, problem.only_xattrs);
}

Task<Status> Verifier::run() {
  co_await dispatch();
  co_await jobs_.join();
  result_.left_out = omissions_.list();
  if (!failure_) co_return failure_;
  if (stream_.failure()) co_return *stream_.failure();
  if (cancelled_) co_return Error{ErrorKind::cancelled, 0, "verify: cancelled"};
  co_return Status();
}

void Verifier::take_problems(const BoundedList<SourceProblem>& found) {
  for (const SourceProblem& problem : found.kept()) {
    if (!known_.contains(problem.path)) result_.problems.add(problem);
  }
}

Task<void> Verifier::dispatch() {
  while (!stopped()) {
    SourceEntry* entry = co_await stream_.next();
    if (entry == nullptr) break;
    co_await look_at(*entry);
    progress_.problems = result_.mismatches.count() + result_.problems.count();
  }
  // What is left has names outside the source.
  while (!names_.empty() && !stopped()) co_await judge_names(*names_.begin()->first);
}

Task<void> Verifier::look_at(SourceEntry& entry) {
  if (entry.kind == EntryKind::directory_end) {
    leave();
    co_return;
  }
  ++progress_.entries_done;
  progress_.current = entry.path();
  const std::optional<NodeId> node = entry.parent ? find(entry) : tree_.root();
  if (entry.kind == EntryKind::directory) co_await enter(entry, node);
  if (!node) co_return;
  ++result_.entries;
  if (entry.link) {
    const bool all_met = meet(entry, *node);
    if (all_met) co_await judge_names(*entry.link);
  }
  if (entry.kind == EntryKind::hard_link) {
    release(*node);  // Its content was compared by its first name.
    co_return;
  }
  Checked check = make_check(entry, *node);
  co_await slot();
  jobs_.spawn(check_node(check));
  if (entry.kind == EntryKind::file) co_await compare_pieces(std::move(check));
}

Task<void> Verifier::enter(SourceEntry& entry, std::optional<NodeId> node) {
  Level level;
  level.present = node.has_value();
  level.changed = is_changed(entry);
  level.path = progress_.current;
  if (node) {
    Result<std::vector<DirectoryEntry>> entries = co_await tree_.read_directory(*node);
    if (!entries) {
      unreadable(level.path, entries.error());
      level.present = false;
    } else {
      for (DirectoryEntry& there : *entries) {
        const bool added = level.unseen.emplace(there.name, there.node).second;
        if (added)
          use(there.node);
        else
          differ(level.path + '/' + there.name, level.changed, "twice in the copy");
      }
    }
  }
  levels_.push_back(std::move(level));
}

void Verifier::leave() {
  Level level = std::move(levels_.back());
  levels_.pop_back();
  for (const auto& [name, node] : level.unseen) {
    const std::string path = level.path + '/' + name;
    const auto& named = stream_.problems().kept();
    const bool unread = std::any_of(named.begin(), named.end(),
                                    [&path](const SourceProblem& one) { return one.path == path; });
    if (!unread) differ(path, level.changed, "only in the copy");
    release(node);
  }
}

/// Where the copy has the entry, if it has.
std::optional<NodeId> Verifier::find(const SourceEntry& entry) {
  Level& level = levels_.back();
  if (!level.present) return std::nullopt;
  const auto found = level.unseen.find(entry.name);
  if (found == level.unseen.end()) {
    missing(entry, is_changed(entry) || level.changed);
    return std::nullopt;
  }
  const NodeId node = found->second;
  level.unseen.erase(found);
  return node;
}

void Verifier::missing(const SourceEntry& entry, bool changed) {
  if (!is_special(entry.attributes.mode) || !omissions_.lacks(Shortcoming::Of::specials))
    differ(progress_.current, changed, "missing in the copy");
  else if (entry.kind != EntryKind::hard_link)
    omissions_.count(Shortcoming::Of::specials);
}

/// Notes one name of a file with several. True when it was the last one.
bool Verifier::meet(const SourceEntry& entry, NodeId node) {
  Names& names = names_[entry.link.get()];
  if (names.met++ == 0) {
    names.group = entry.link;
    names.node = node;
    use(node);
    names.first = progress_.current;
    names.changed = is_changed(entry);
  }
  if (names.node == node)
    ++names.found;
  else
    differ(progress_.current, is_changed(entry), "not the same file as " + names.first);
  return names.met == entry.link->links;
}

/// A file's names must be all that the copy has of it.
Task<void> Verifier::judge_names(const LinkGroup& group) {
  const auto found = names_.find(&group);
  Names names = std::move(found->second);
  names_.erase(found);
  co_await slot();
  jobs_.spawn(check_names(std::move(names)));
}

Task<void> Verifier::check_names(Names names) {
  Result<Attributes> copy = co_await tree_.read_attributes(names.node);
  if (!copy)
    unreadable(names.first, copy.error());
  else if (copy->links != names.found)
    differ(names.first, names.changed,
           fmt::format("names: {} of it were found, the copy counts {}", names.found, copy->links));
  release(names.node);
  end_slot();
}

Verifier::Checked Verifier::make_check(SourceEntry& entry, NodeId node) {
  auto check = std::make_shared<Check>(*this);
  check->path = progress_.current;
  check->kind = entry.kind;
  check->node = node;
  check->attributes = entry.attributes;
  check->target = entry.target;
  check->ranges = entry.ranges;
  check->linked = entry.link != nullptr;
  check->changed = is_changed(entry);
  const auto known = known_.find(check->path);
  if (known != known_.end() && known->second) check->attributes.xattrs.clear();
  if (entry.kind == EntryKind::file && options_.name_file)
    check->number = options_.name_file(check->path);
  return check;
}

Task<void> Verifier::slot() {
  while (jobs_running_ >= jobs_max_) co_await slot_free_.wait();
  ++jobs_running_;
}

void Verifier::end_slot() {
  --jobs_running_;
  slot_free_.pulse();
}

Task<void> Verifier::check_node(Checked check) {
  Result<Attributes> copy = co_await tree_.read_attributes(check->node);
  check->attributes_read.set();
  if (!copy) {
    unreadable(check->path, copy.error());
  } else {
    omissions_.excuse(check->attributes, *copy, options_.mark);
    std::vector<std::string> found = differences(check->attributes, *copy, options_.mark);
    for (std::string& one : found) differ(check->path, check->changed, std::move(one));
    if (!check->linked && check->kind != EntryKind::directory && copy->links != 1)
      differ(check->path, check->changed, fmt::format("names: 1, {}", copy->links));
    if (check->kind == EntryKind::symlink) co_await check_target(*check);
    if (check->kind == EntryKind::file) co_await check_holes(*check);
  }
  end_slot();
}

Task<void> Verifier::check_target(Check& check) {
  Result<std::string> target = co_await tree_.read_link(check.node);
  if (!target)
    unreadable(check.path, target.error());
  else if (*target != check.target)
    differ(check.path, check.changed, "target: " + check.target + ", " + *target);
}

/// Where the source has a hole the copy should have one, and must read as zeros. A tree that cannot
/// tell its holes is read.
Task<void> Verifier::check_holes(Check& check) {
  if (!has_holes(check.attributes, check.ranges)) co_return;
  const bool told = !omissions_.lacks(Shortcoming::Of::holes);
  std::vector<DataRange> held{{.offset = 0, .bytes = check.attributes.bytes}};
  omissions_.count(Shortcoming::Of::holes);
  if (told) {
    Result<std::vector<DataRange>> ranges = co_await tree_.read_data_ranges(check.node);
    if (!ranges) {
      unreadable(check.path, ranges.error());
      co_return;
    }
    held = std::move(ranges).value();
  }
  std::vector<DataRange> filled = beyond(held, check.ranges);
  if (filled.empty()) co_return;
  if (told) differ(check.path, check.changed, "a hole was not kept", filled.front().offset);
  for (const DataRange& range : filled) co_await check_zeros(check, range);
}

Task<void> Verifier::check_zeros(Check& check, DataRange range) {
  std::byte* memory = buffers_.take();
  const std::uint64_t end = range.offset + range.bytes;
  for (std::uint64_t at = range.offset; at < end && !stopped();) {
    const std::uint64_t bytes = std::min<std::uint64_t>(end - at, buffers_.buffer_bytes());
    const std::span<std::byte> data(memory, static_cast<std::size_t>(bytes));
    Result<std::size_t> got = co_await read_back(check, at, data);
    if (!got || *got == 0) break;
    const std::optional<std::size_t> wrong = first_nonzero(data.first(*got));
    if (wrong) {
      check.differs_at = std::min(check.differs_at.value_or(~std::uint64_t{0}), at + *wrong);
      break;
    }
    at += *got;
  }
  buffers_.give_back(memory);
}

Task<void> Verifier::compare_pieces(Checked check) {
  while (!stopped()) {
    SourcePiece piece = co_await stream_.next_piece();
    if (!piece) break;
    progress_.bytes_done += piece.data().size();
    co_await slot();
    jobs_.spawn(check_piece(check, std::move(piece)));
  }
}

Task<void> Verifier::check_piece(Checked check, SourcePiece piece) {
  co_await check->attributes_read.wait();
  const std::span<const std::byte> source = piece.data();
  std::byte* memory = buffers_.take();
  const std::span<std::byte> data(memory, source.size());
  Result<std::size_t> got = co_await read_back(*check, piece.offset(), data);
  if (got) {
    std::optional<std::size_t> wrong = first_difference(source.first(*got), data.first(*got));
    if (!wrong && *got < source.size()) wrong = *got;
    if (wrong)
      check->differs_at =
          std::min(check->differs_at.value_or(~std::uint64_t{0}), piece.offset() + *wrong);
    result_.data_bytes += source.size();
  }
  buffers_.give_back(memory);
  end_slot();
}

/// Reads `data`, fewer bytes only at the file's end. An error is reported here.
Task<Result<std::size_t>> Verifier::read_back(const Check& check, std::uint64_t offset,
                                              std::span<std::byte> data) {
  Result<std::size_t> got = co_await tree_.read(check.node, offset, data, check.number);
  if (!got) unreadable(check.path, got.error());
  co_return got;
}

void Verifier::judge_content(const Check& check) {
  if (check.differs_at) differ(check.path, check.changed, "content", check.differs_at);
}

void Verifier::release(NodeId node) {
  const auto found = uses_.find(node);
  if (found == uses_.end() || --found->second > 0) return;
  uses_.erase(found);
  if (node != tree_.root()) tree_.forget(node);
}

void Verifier::differ(const std::string& path, bool changed, std::string what,
                      std::optional<std::uint64_t> offset) {
  const auto known = known_.find(path);
  if (known != known_.end() && !known->second) return;  // Named by the copy, with its reason.
  if (changed)
    result_.problems.add({path, "changed since it was copied: " + what});
  else
    result_.mismatches.add({.path = path, .what = std::move(what), .offset = offset});
}

void Verifier::unreadable(const std::string& path, const Error& error) {
  const bool given_up = error.kind == ErrorKind::cancelled || error.kind == ErrorKind::timed_out ||
                        error.kind == ErrorKind::peer_closed;
  if (given_up || ++unreadable_ > unreadable_max) {
    if (failure_) failure_ = error;
    return;
  }
  result_.mismatches.add({path, "cannot be read back: " + error.message, std::nullopt});
}

bool Verifier::is_changed(const SourceEntry& entry) const {
  return options_.mark.changed_since(entry.changed);
}

}  // namespace holdfast::initiator
