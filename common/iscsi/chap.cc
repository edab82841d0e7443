#include "common/iscsi/chap.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "common/base/check.h"
#include "common/iscsi/text.h"

namespace holdfast::iscsi {
namespace {

const EVP_MD* digest_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return EVP_md5();
    case ChapAlgorithm::sha1: return EVP_sha1();
    case ChapAlgorithm::sha256: return EVP_sha256();
    case ChapAlgorithm::sha3_256: return EVP_sha3_256();
  }
  return nullptr;
}

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

std::optional<ChapAlgorithm> choose_chap_algorithm(std::string_view list) {
  const std::vector<std::string_view> items = split_list(list);
  for (const ChapAlgorithm ours : chap_algorithms)
    for (const std::string_view item : items)
      if (parse_number(item) == static_cast<std::uint64_t>(ours)) return ours;
  return std::nullopt;
}

std::string_view name_of(ChapAlgorithm algorithm) {
  switch (algorithm) {
    case ChapAlgorithm::md5: return "MD5";
    case ChapAlgorithm::sha1: return "SHA-1";
    case ChapAlgorithm::sha256: return "SHA-256";
    case ChapAlgorithm::sha3_256: return "SHA3-256";
  }
  return "unknown";
}

std::size_t response_bytes(ChapAlgorithm algorithm) {
  return static_cast<std::size_t>(EVP_MD_get_size(digest_of(algorithm)));
}

std::vector<std::uint8_t> chap_response(ChapAlgorithm algorithm, std::uint8_t identifier,
                                        std::string_view secret,
                                        std::span<const std::uint8_t> challenge) {
  const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
  std::vector<std::uint8_t> digest(EVP_MAX_MD_SIZE);
  unsigned int bytes = 0;
  // It can only fail for want of memory, or where a policy of the machine forbids the algorithm.
  const bool made = context != nullptr &&
                    EVP_DigestInit_ex(context.get(), digest_of(algorithm), nullptr) == 1 &&
                    EVP_DigestUpdate(context.get(), &identifier, 1) == 1 &&
                    EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
                    EVP_DigestUpdate(context.get(), challenge.data(), challenge.size()) == 1 &&
                    EVP_DigestFinal_ex(context.get(), digest.data(), &bytes) == 1;
  digest.resize(made ? bytes : 0);
  return digest;
}

std::optional<ChapChallenge> make_chap_challenge(ChapAlgorithm algorithm) {
  ChapChallenge challenge;
  challenge.bytes.resize(response_bytes(algorithm));
  const bool random = RAND_bytes(&challenge.identifier, 1) == 1 &&
                      RAND_bytes(challenge.bytes.data(), static_cast<int>(challenge.bytes.size())) == 1;
  return random ? std::optional(std::move(challenge)) : std::nullopt;
}

bool same_bytes_in_constant_time(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  return a.size() == b.size() && !a.empty() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace holdfast::iscsi
