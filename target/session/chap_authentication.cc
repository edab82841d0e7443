#include "target/session/chap_authentication.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/iscsi/binary_text.h"

namespace holdfast::target {
namespace {

constexpr std::string_view key_algorithm = "CHAP_A";
constexpr std::string_view key_identifier = "CHAP_I";
constexpr std::string_view key_challenge = "CHAP_C";
constexpr std::string_view key_name = "CHAP_N";
constexpr std::string_view key_response = "CHAP_R";

/// What an unknown name is answered with, so that the answer takes as long as for a known one.
constexpr std::string_view nobodys_secret = "nobody knows this";

Error failed(std::string why) { return Error{ErrorKind::refused, 0, std::move(why)}; }

/// The values of `keys`, in their order, empty where a key is missing. An error for a key that does
/// not belong here or comes twice.
template <std::size_t count>
Result<std::array<std::string_view, count>> values_of(std::span<const iscsi::TextPair> pairs,
                                                      const std::array<std::string_view, count>& keys) {
  std::array<std::string_view, count> values{};
  for (const iscsi::TextPair& pair : pairs) {
    const auto key = std::find(keys.begin(), keys.end(), pair.key);
    if (key == keys.end()) return failed(fmt::format("{} is out of order", iscsi::printable(pair.key)));
    std::string_view& value = values[static_cast<std::size_t>(key - keys.begin())];
    if (!value.empty()) return failed(fmt::format("{} comes twice", pair.key));
    if (pair.value.empty()) return failed(fmt::format("{} has no value", pair.key));
    value = pair.value;
  }
  return values;
}

}  // namespace

Status ChapAuthentication::receive(std::span<const iscsi::TextPair> pairs, iscsi::TextBuilder& reply) {
  switch (step_) {
    case Step::algorithm: return choose_algorithm(pairs, reply);
    case Step::response: return check_response(pairs, reply);
    case Step::passed: break;
  }
  return failed("CHAP keys after the exchange was over");
}

Status ChapAuthentication::choose_algorithm(std::span<const iscsi::TextPair> pairs, iscsi::TextBuilder& reply) {
  const auto values = values_of<1>(pairs, {key_algorithm});
  if (!values) return values.error();
  const auto [list] = *values;
  const std::optional<iscsi::ChapAlgorithm> chosen = iscsi::choose_chap_algorithm(list);
  if (!chosen)
    return failed(fmt::format("CHAP_A={} has no algorithm that we know (5, 6, 7 or 8)", iscsi::printable(list)));
  algorithm_ = *chosen;
  const std::optional<iscsi::ChapChallenge> challenge = iscsi::make_chap_challenge(algorithm_);
  if (!challenge) return failed("this machine gives no random bytes for a challenge");
  identifier_ = challenge->identifier;
  challenge_ = challenge->bytes;
  reply.add(key_algorithm, std::to_string(static_cast<int>(algorithm_)));
  reply.add(key_identifier, std::to_string(identifier_));
  reply.add(key_challenge, iscsi::hexadecimal_text(challenge_));
  step_ = Step::response;
  return {};
}

Status ChapAuthentication::check_response(std::span<const iscsi::TextPair> pairs, iscsi::TextBuilder& reply) {
  const auto values = values_of<4>(pairs, {key_name, key_response, key_identifier, key_challenge});
  if (!values) return values.error();
  const auto [name, response, identifier, challenge] = *values;
  if (name.empty() || response.empty()) return failed("CHAP_N or CHAP_R is missing");
  name_ = iscsi::printable(name);

  const auto account = std::find_if(accounts_.incoming.begin(), accounts_.incoming.end(),
                                    [name = name](const Account& one) { return one.name == name; });
  const bool known = account != accounts_.incoming.end();
  const auto given = iscsi::parse_binary(response, iscsi::chap_response_bytes_max);
  const std::vector<std::uint8_t> right = iscsi::chap_response(
      algorithm_, identifier_, known ? std::string_view(account->secret) : nobodys_secret, challenge_);
  const bool same = given && iscsi::same_bytes_in_constant_time(*given, right);
  if (!known) return failed(fmt::format("there is no user {}", name_));
  if (!same) return failed(fmt::format("the response of user {} is wrong ({})", name_, iscsi::name_of(algorithm_)));

  if (identifier.empty() != challenge.empty()) return failed("CHAP_I and CHAP_C come together or not at all");
  if (!challenge.empty())
    if (Status answered = answer_challenge(identifier, challenge, reply); !answered) return answered;
  step_ = Step::passed;
  return {};
}

Status ChapAuthentication::answer_challenge(std::string_view identifier, std::string_view challenge,
                                            iscsi::TextBuilder& reply) const {
  if (!accounts_.outgoing)
    return failed("it wants us to authenticate too, and there is no OutgoingUser");
  const std::optional<std::uint64_t> number = iscsi::parse_number(identifier);
  if (!number || *number > 255) return failed("CHAP_I is no number from 0 to 255");
  const auto bytes = iscsi::parse_binary(challenge, iscsi::chap_challenge_bytes_max);
  if (!bytes || bytes->empty()) return failed("CHAP_C is no binary value of 1 to 1024 bytes");
  // RFC 7143 section 12.1.3: whoever sends our own challenge back would have us do its work.
  if (*bytes == challenge_) return failed("it sends our own challenge back");
  const std::vector<std::uint8_t> response = iscsi::chap_response(
      algorithm_, static_cast<std::uint8_t>(*number), accounts_.outgoing->secret, *bytes);
  reply.add(key_name, accounts_.outgoing->name);
  reply.add(key_response, iscsi::hexadecimal_text(response));
  return {};
}

}  // namespace holdfast::target
