#include "tests/support/history/fences.h"

#include <algorithm>
#include <utility>

namespace holdfast::testing_support {
namespace {

/// While a host is kept out.
struct Window {
  int host = 0;
  std::int64_t from = 0;
  std::int64_t to = never;
};

bool changes_blocks(const Event& event) {
  return event.kind == Event::Kind::write || event.kind == Event::Kind::write_atomic ||
         event.kind == Event::Kind::compare_and_write;
}

bool overlap(const Event& one, const Event& other) {
  return one.invoked < other.answered && other.invoked < one.answered;
}

std::vector<Window> windows_of(const History& history) {
  std::vector<Window> windows;
  for (const Event& fence : history) {
    if (fence.kind != Event::Kind::fence || fence.result != Event::Result::good) continue;
    Window window{.host = fence.fenced, .from = fence.answered};
    bool in_doubt = false;
    for (const Event& event : history) {
      if (event.kind != Event::Kind::register_key || event.host != fence.fenced) continue;
      // Which of the two came first cannot be told.
      in_doubt = in_doubt || overlap(event, fence);
      if (event.invoked > fence.answered) window.to = std::min(window.to, event.invoked);
    }
    if (!in_doubt) windows.push_back(window);
  }
  return windows;
}

/// Whether the host was registered from before the event until after it.
bool registered_throughout(const History& history, const Event& event) {
  std::int64_t since = never;
  for (const Event& other : history)
    if (other.kind == Event::Kind::register_key && other.host == event.host &&
        other.result == Event::Result::good && other.answered < event.invoked)
      since = since == never ? other.invoked : std::max(since, other.invoked);
  if (since == never) return false;
  return std::none_of(history.begin(), history.end(), [&](const Event& other) {
    return other.kind == Event::Kind::fence && other.fenced == event.host &&
           other.answered > since && other.invoked < event.answered;
  });
}

/// False if nothing of the event can have happened.
bool narrow(Event& event, const Window& window, std::string& wrong) {
  if (window.host != event.host || !changes_blocks(event)) return true;
  if (event.invoked < window.from) {
    event.answered = std::min(event.answered, window.from);
    return true;
  }
  if (event.invoked >= window.to) return true;
  if (event.answered >= window.to) {
    event.invoked = window.to;
    return true;
  }
  if (event.result == Event::Result::open) return false;
  wrong = "let in, although fenced off since " + std::to_string(window.from) + ": " + to_text(event);
  return true;
}

}  // namespace

std::string apply_fences(History& history) {
  const std::vector<Window> windows = windows_of(history);
  std::string wrong;
  History left;
  for (const Event& event : history) {
    if (!changes_blocks(event) && event.kind != Event::Kind::read) continue;
    if (event.result == Event::Result::conflict) {
      if (registered_throughout(history, event)) wrong = "refused, although registered: " + to_text(event);
      continue;
    }
    Event narrowed = event;
    bool possible = true;
    for (const Window& window : windows)
      possible = possible && narrow(narrowed, window, wrong);
    if (!wrong.empty()) return wrong;
    if (possible) left.push_back(std::move(narrowed));
  }
  if (!wrong.empty()) return wrong;
  history = std::move(left);
  return {};
}

}  // namespace holdfast::testing_support
