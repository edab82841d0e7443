#pragma once

#include <bitset>
#include <cstdint>

namespace holdfast::target {

/// A session's command numbering as the target keeps it (RFC 7143 section 4.2.2.1): commands run in
/// the order of their CmdSN, each once, and MaxCmdSN is how the target says how many more it has
/// room for. Pure; immediate commands never pass through it.
class CommandWindow {
 public:
  /// The widest window that is ever granted (ietd.conf's QueuedCommands ends here).
  static constexpr std::uint32_t width_max = 256;

  /// `max_cmd_sn` is what the peer was told at login. `width` is how many commands may be open.
  CommandWindow(std::uint32_t exp_cmd_sn, std::uint32_t max_cmd_sn, std::uint32_t width);

  enum class Verdict {
    run,     // its turn has come
    ignore,  // outside the window, or seen before: the RFC wants silence
    gap,     // a command before it is missing: on one connection it can never come
  };
  /// Judges a non-immediate command's CmdSN and, if it may run, takes it.
  Verdict admit(std::uint32_t cmd_sn);

  /// True for a CmdSN that was granted and has not come yet.
  bool is_awaited(std::uint32_t cmd_sn) const;
  /// Counts an awaited CmdSN as received although its command was not seen, so that the command is
  /// ignored when it comes: what ABORT TASK asks for (section 11.5.1).
  void consider_received(std::uint32_t cmd_sn);

  /// An admitted command has been answered, or will never be: its place is free again.
  void finished();

  /// Changes how many commands may be open. What was granted already stays granted.
  void set_width(std::uint32_t width);

  std::uint32_t exp_cmd_sn() const { return exp_cmd_sn_; }
  /// Moves the window up as far as there is room, and returns the new MaxCmdSN. It never goes back.
  std::uint32_t advance_max_cmd_sn();
  /// MaxCmdSN as it was last returned.
  std::uint32_t max_cmd_sn() const { return max_cmd_sn_; }
  /// Commands that were admitted and have not finished.
  std::uint32_t open() const { return open_; }

  /// Whether somebody waits for ExpCmdSN to move, and wants to be told by whoever moves it.
  bool is_watched() const { return watched_; }
  void watch(bool wanted) { watched_ = wanted; }

 private:
  void pass_over_received();

  // Two windows' worth, since what was granted under a wide window outlives its narrowing.
  static constexpr std::uint32_t remembered_max = 2 * width_max;

  std::uint32_t exp_cmd_sn_;
  std::uint32_t max_cmd_sn_;
  std::uint32_t width_;
  std::uint32_t open_ = 0;
  bool watched_ = false;
  std::bitset<remembered_max> received_;  // by CmdSN modulo its size: counted without being seen
};

}  // namespace holdfast::target
