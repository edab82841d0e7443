#include "target/admin/lun_faults.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "target/lun/logical_unit.h"
#include "target/store/fault_store.h"
#include "target/store/fault_text.h"

namespace holdfast::target {
namespace {

Error invalid(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

/// Every unit of a daemon that was started with --enable-faults has one.
FaultStore* faults_of(LogicalUnit& unit) { return dynamic_cast<FaultStore*>(&unit.store()); }

struct FaultyLun {
  const ServedTarget* target = nullptr;
  LogicalUnit* unit = nullptr;
  FaultStore* faults = nullptr;
};

std::vector<FaultyLun> faulty_luns(const TargetTable& targets, std::optional<std::uint32_t> tid,
                                   std::optional<std::uint32_t> lun) {
  std::vector<FaultyLun> found;
  for (const auto& target : targets.all()) {
    if (tid && target->tid != *tid) continue;
    for (const LunConfig& one : target->config->luns) {
      if (lun && one.number != *lun) continue;
      LogicalUnit* unit = target->device->find(one.number);
      FaultStore* faults = unit == nullptr ? nullptr : faults_of(*unit);
      if (faults != nullptr) found.push_back({target.get(), unit, faults});
    }
  }
  return found;
}

Result<Shown> list(const std::vector<FaultyLun>& luns) {
  Shown shown;
  shown.data = nlohmann::json::array();
  for (const FaultyLun& lun : luns) {
    for (const FaultStore::RuleState& rule : lun.faults->rules()) {
      shown.text += fmt::format("tid:{} lun:{} rule:{} struck:{} hanging:{}  {}\n", lun.target->tid, lun.unit->number(),
                                rule.rule, rule.struck, rule.hanging, rule.text);
      shown.data.push_back({{"tid", lun.target->tid},
                            {"lun", lun.unit->number()},
                            {"rule", rule.rule},
                            {"struck", rule.struck},
                            {"hanging", rule.hanging},
                            {"text", rule.text}});
    }
  }
  return shown;
}

Result<Shown> add(const std::vector<FaultyLun>& luns, const std::string& text) {
  constexpr std::size_t rules_most = 100;
  std::vector<Fault> faults;
  for (const FaultyLun& lun : luns) {
    Result<Fault> fault = parse_fault(text, lun.unit->geometry().block_bytes);
    if (!fault) return invalid(fmt::format("fault add '{}': {}", text, fault.error().message));
    if (lun.faults->rules().size() >= rules_most)
      return invalid(fmt::format("Lun {} of {} has {} rules already", lun.unit->number(), lun.target->config->name, rules_most));
    faults.push_back(*fault);
  }
  Shown shown;
  shown.data = nlohmann::json::array();
  for (std::size_t i = 0; i < luns.size(); ++i) {
    const std::uint64_t rule = luns[i].faults->inject(faults[i], text);
    const std::uint32_t tid = luns[i].target->tid, number = luns[i].unit->number();
    log(LogLevel::warning, "Lun {} of {} is made faulty: {}", number, luns[i].target->config->name, text);
    shown.text += fmt::format("tid:{} lun:{} rule:{}\n", tid, number, rule);
    shown.data.push_back({{"tid", tid}, {"lun", number}, {"rule", rule}});
  }
  return shown;
}

Result<Shown> clear(const std::vector<FaultyLun>& luns, const std::string& which) {
  std::uint64_t number = 0;
  const char* end = which.data() + which.size();
  if (!which.empty() && std::from_chars(which.data(), end, number).ptr != end)
    return invalid(fmt::format("fault clear '{}': a rule has a number; `fault list` says which", which));
  bool found = which.empty();
  for (const FaultyLun& lun : luns) {
    for (const FaultStore::RuleState& rule : lun.faults->rules())
      if (which.empty() || rule.rule == number) found |= lun.faults->remove(rule.rule);
  }
  if (!found) return Error{ErrorKind::invalid_input, ENOENT, fmt::format("there is no rule {}", number)};
  log(LogLevel::warning, "faults were cleared");
  return Shown{};
}

}  // namespace

Result<Shown> answer_fault(const TargetTable& targets, std::optional<std::uint32_t> tid,
                           std::optional<std::uint32_t> lun, const std::string& params) {
  if (!targets.with_faults())
    return Error{ErrorKind::refused, EPERM,
                 "this holdfastd was started without --enable-faults, and makes nothing faulty"};
  const std::vector<FaultyLun> luns = faulty_luns(targets, tid, lun);
  if (luns.empty()) return Error{ErrorKind::invalid_input, ENOENT, "there is no such Lun"};
  const std::size_t blank = std::min(params.find(' '), params.size());
  const std::string verb = params.substr(0, blank);
  const std::string rest = params.substr(std::min(blank + 1, params.size()));
  if (verb == "list" && rest.empty()) return list(luns);
  if (verb == "clear") return clear(luns, rest);
  if (verb == "add") return add(luns, rest);
  return invalid(fmt::format("fault '{}': there are list, add RULE and clear [N]", params));
}

void end_faults(LogicalUnit& unit) {
  FaultStore* faults = faults_of(unit);
  if (faults == nullptr) return;
  for (const FaultStore::RuleState& rule : faults->rules()) faults->remove(rule.rule);
}

void end_faults(const TargetTable& targets) {
  for (const FaultyLun& lun : faulty_luns(targets, std::nullopt, std::nullopt)) end_faults(*lun.unit);
}

}  // namespace holdfast::target
