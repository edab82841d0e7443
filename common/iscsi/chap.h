#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

// CHAP (RFC 1994) as RFC 7143 section 12.1.3 uses it.

namespace holdfast::iscsi {

/// By their numbers in IANA's registry of PPP authentication algorithms.
enum class ChapAlgorithm : std::uint8_t { md5 = 5, sha1 = 6, sha256 = 7, sha3_256 = 8 };

/// All that we know, best first.
inline constexpr std::array chap_algorithms = {ChapAlgorithm::sha3_256, ChapAlgorithm::sha256,
                                               ChapAlgorithm::sha1, ChapAlgorithm::md5};

/// A challenge may have up to so many bytes (section 12.1.3).
inline constexpr std::size_t chap_challenge_bytes_max = 1024;
/// The longest response: that of SHA-256 and SHA3-256.
inline constexpr std::size_t chap_response_bytes_max = 32;

/// The best of ours in a CHAP_A list ("5,7"); nothing if none of them is known.
std::optional<ChapAlgorithm> choose_chap_algorithm(std::string_view list);

/// "SHA-256".
std::string_view name_of(ChapAlgorithm algorithm);
std::size_t response_bytes(ChapAlgorithm algorithm);

/// The digest over identifier, secret and challenge (RFC 1994 section 4.1).
std::vector<std::uint8_t> chap_response(ChapAlgorithm algorithm, std::uint8_t identifier,
                                        std::string_view secret,
                                        std::span<const std::uint8_t> challenge);

/// What the other end has to answer.
struct ChapChallenge {
  std::uint8_t identifier = 0;
  std::vector<std::uint8_t> bytes;
};

/// A random one, as long as the algorithm's response. Nothing if the machine gives no randomness.
std::optional<ChapChallenge> make_chap_challenge(ChapAlgorithm algorithm);

/// Whether both are the same bytes, in a time that does not tell where they differ.
bool same_bytes_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

}  // namespace holdfast::iscsi
