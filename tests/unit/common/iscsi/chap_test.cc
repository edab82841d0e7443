#include "common/iscsi/chap.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "common/iscsi/binary_text.h"

namespace holdfast::iscsi {
namespace {

TEST(Chap, ResponsesAreThoseOfSomebodyElsesDigests) {
  // By Python's hashlib over 17h, the secret and the bytes 0 to 15.
  const std::pair<ChapAlgorithm, const char*> expected[] = {
      {ChapAlgorithm::md5, "0x6f0eb31b6a17db293893feaf81315dc3"},
      {ChapAlgorithm::sha1, "0x832758ae62943ce0ae988f3c636b0ca9aee1e7ef"},
      {ChapAlgorithm::sha256, "0x37d9d731073074cbe46825893e06520ecfe4e44aa12c721044fea7ca8fc1e158"},
      {ChapAlgorithm::sha3_256, "0xe58e6dbf8b6878faeab1ef5c545dc79057329e345682fba71f2cd773feab4fe7"}};
  std::vector<std::uint8_t> challenge(16);
  std::iota(challenge.begin(), challenge.end(), std::uint8_t{0});
  for (const auto& [algorithm, text] : expected) {
    const std::vector<std::uint8_t> response = chap_response(algorithm, 0x17, "a secret of 16 b", challenge);
    EXPECT_EQ(hexadecimal_text(response), text) << name_of(algorithm);
    EXPECT_EQ(response.size(), response_bytes(algorithm));
  }
}

TEST(Chap, TheBestCommonAlgorithmIsChosenWhereverItStands) {
  EXPECT_EQ(choose_chap_algorithm("5"), ChapAlgorithm::md5);
  EXPECT_EQ(choose_chap_algorithm("5,6,7,8"), ChapAlgorithm::sha3_256);
  EXPECT_EQ(choose_chap_algorithm("7,5"), ChapAlgorithm::sha256);
  EXPECT_EQ(choose_chap_algorithm("99,6,1"), ChapAlgorithm::sha1);
  EXPECT_FALSE(choose_chap_algorithm("1,2,99"));
  EXPECT_FALSE(choose_chap_algorithm(""));
  EXPECT_FALSE(choose_chap_algorithm("MD5"));
}

TEST(Chap, BytesAreTheSameOrNot) {
  const std::vector<std::uint8_t> a = {1, 2, 3};
  EXPECT_TRUE(same_bytes_in_constant_time(a, std::vector<std::uint8_t>{1, 2, 3}));
  EXPECT_FALSE(same_bytes_in_constant_time(a, std::vector<std::uint8_t>{1, 2, 4}));
  EXPECT_FALSE(same_bytes_in_constant_time(a, std::vector<std::uint8_t>{1, 2}));
  EXPECT_FALSE(same_bytes_in_constant_time({}, {})) << "no response at all is no right one";
}

}  // namespace
}  // namespace holdfast::iscsi
