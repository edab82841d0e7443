#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/iscsi/chap.h"
#include "common/iscsi/text.h"
#include "target/config/config.h"

namespace holdfast::target {

/// The target's half of one CHAP exchange (RFC 7143 section 12.1.3): CHAP_A, then our challenge,
/// then the initiator's response, and with it perhaps a challenge of its own, which we answer as
/// the outgoing account.
class ChapAuthentication {
 public:
  /// `accounts` outlives it.
  explicit ChapAuthentication(const Accounts& accounts) : accounts_(accounts) {}

  /// Takes the CHAP keys of one request and adds ours to `reply`. An error says why the initiator
  /// is not who it says it is; it is not for the peer's eyes.
  Status receive(std::span<const iscsi::TextPair> pairs, iscsi::TextBuilder& reply);

  bool passed() const { return step_ == Step::passed; }
  /// Under which account; known once it was named, right or wrong.
  const std::string& name() const { return name_; }

 private:
  enum class Step : std::uint8_t { algorithm, response, passed };

  Status choose_algorithm(std::span<const iscsi::TextPair> pairs, iscsi::TextBuilder& reply);
  Status check_response(std::span<const iscsi::TextPair> pairs, iscsi::TextBuilder& reply);
  Status answer_challenge(std::string_view identifier, std::string_view challenge,
                          iscsi::TextBuilder& reply) const;

  const Accounts& accounts_;
  Step step_ = Step::algorithm;
  iscsi::ChapAlgorithm algorithm_ = iscsi::ChapAlgorithm::md5;
  std::uint8_t identifier_ = 0;
  std::vector<std::uint8_t> challenge_;
  std::string name_;
};

}  // namespace holdfast::target
