#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/iscsi/codes.h"
#include "common/iscsi/keys.h"
#include "common/iscsi/parameters.h"
#include "common/iscsi/text.h"

namespace holdfast::iscsi {

/// One end of a text negotiation (RFC 7143 section 6.2): the peer's pairs in, our answers out, and
/// in the end the Parameters in force. Either end may offer. Pure; one negotiation each.
class Negotiator {
 public:
  enum class Phase : std::uint8_t {
    login,    // of a session's first connection
    joining,  // the login of one more: what the first settled for the session stands
    full_feature,
  };

  /// `ours` is what we offer and what bounds our answers; when joining and in the full feature phase,
  /// what is in force. Keys that mean nothing in a discovery session, or for a connection that joins
  /// one, are answered Irrelevant.
  Negotiator(Side side, Phase phase, const Parameters& ours, bool discovery);

  /// Of a list's items only those of `items` are supported from here on; they outlive the negotiation.
  void support(Key key, std::string_view items) { supported_[index(key)] = items; }

  /// Takes the pairs of one whole text and adds our answers to `reply`. An error (always
  /// `ErrorKind::protocol`) is the peer's fault and ends the negotiation.
  Status receive(std::span<const TextPair> pairs, TextBuilder& reply);

  /// Offers, or declares, our value of a key that has a number, a boolean or a list.
  void propose(Key key, TextBuilder& text);
  /// Offers every key that nobody has named and whose default would go beyond what we offer, or is
  /// not among what we support.
  void propose_what_defaults_would_break(TextBuilder& text);
  bool awaits_answers() const { return unanswered_ != 0; }

  /// What the peer declared for a text key, or what a list came to ("Reject" included). Empty if
  /// the key was not named.
  const std::string& value_of(Key key) const { return values_[index(key)]; }
  bool was_named(Key key) const { return states_[index(key)] != State::unnamed; }

  /// What is in force now. An error if it contradicts itself.
  Result<Parameters> result() const;

 private:
  enum class State : std::uint8_t { unnamed, offered, settled };

  static std::size_t index(Key key) { return static_cast<std::size_t>(key); }
  Status receive_pair(const TextPair& pair, TextBuilder& reply);
  Status take_offer(Key key, std::string_view value, TextBuilder& reply);
  Status take_number_declaration(Key key, std::string_view value);
  Status take_answer(Key key, std::string_view value);
  void choose_from_list(Key key, std::string_view value, TextBuilder& reply);
  std::string_view supported(Key key) const;
  bool may_be_used(const KeyRow& row) const;
  bool is_irrelevant(const KeyRow& row) const;
  std::uint32_t our_value(Key key) const;

  const Side side_;
  const Phase phase_;
  const bool discovery_;
  const Parameters ours_;
  Parameters agreed_;
  std::array<State, key_count> states_{};
  std::array<std::uint32_t, key_count> offers_{};
  std::array<std::string, key_count> values_;
  std::array<std::string_view, key_count> supported_{};
  int unanswered_ = 0;
};

}  // namespace holdfast::iscsi
