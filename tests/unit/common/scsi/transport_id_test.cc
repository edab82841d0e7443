#include "common/scsi/transport_id.h"

#include <gmock/gmock.h>

#include <random>
#include <string>

namespace holdfast::scsi {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::ElementsAre;

constexpr InitiatorPort::Isid isid{0x40, 0, 0x01, 0x37, 0xAB, 0};

Bytes encoded(const InitiatorPort& port) {
  Bytes data;
  put_transport_id(data, port);
  return data;
}

FieldPointer fault_of(const Bytes& list, std::size_t at = 0) {
  const auto decoded = decode_transport_id(list, at);
  const auto* fault = std::get_if<FieldPointer>(&decoded);
  EXPECT_NE(fault, nullptr) << "it was taken";
  return fault == nullptr ? FieldPointer{} : *fault;
}

FieldPointer pointer(std::uint16_t byte, std::optional<std::uint8_t> bit = {}) {
  return FieldPointer{byte, bit, true};
}

/// A TransportID with that text, whatever it is.
Bytes with_text(std::uint8_t first, const std::string& text) {
  Bytes data(4);
  data[0] = first;
  data.insert(data.end(), text.begin(), text.end());
  data.push_back(0);
  while (data.size() < 24 || data.size() % 4 != 0) data.push_back(0);
  data[3] = static_cast<std::uint8_t>(data.size() - 4);
  return data;
}

TEST(TransportId, OfAPortHasNameAndIsid) {
  const Bytes data = encoded({"iqn.2001-04.com.example:a", isid});
  // 25 characters, 5 of the separator, 12 of the ISID and a NUL, filled to a multiple of four.
  ASSERT_EQ(data.size(), 4u + 44);
  EXPECT_THAT(Bytes(data.begin(), data.begin() + 4), ElementsAre(0x45, 0, 0, 44));
  EXPECT_EQ(std::string(data.begin() + 4, data.begin() + 4 + 42),
            "iqn.2001-04.com.example:a,i,0x40000137ab00");
  EXPECT_EQ(data[46], 0);
  EXPECT_EQ(data[47], 0);
}

TEST(TransportId, OfAllPortsHasTheNameAndTwentyBytesAtLeast) {
  const Bytes data = encoded({"iqn.a", std::nullopt});
  ASSERT_EQ(data.size(), 24u);
  EXPECT_THAT(Bytes(data.begin(), data.begin() + 4), ElementsAre(0x05, 0, 0, 20));
}

TEST(TransportId, ComesBackAsItWas) {
  for (const std::size_t length : {1u, 15u, 16u, 17u, 223u}) {
    for (const bool with_isid : {false, true}) {
      InitiatorPort port{std::string(length, 'n'), std::nullopt};
      if (with_isid) port.isid = isid;
      Bytes list(28);
      put_transport_id(list, port);
      const auto decoded = decode_transport_id(list, 28);
      const auto* id = std::get_if<DecodedTransportId>(&decoded);
      ASSERT_NE(id, nullptr) << length;
      EXPECT_EQ(id->port, port);
      EXPECT_EQ(id->bytes, list.size() - 28);
      EXPECT_LE(id->bytes, transport_id_bytes_max);
    }
  }
}

TEST(TransportId, NamesAreComparedInLowerCase) {
  const Bytes data = with_text(0x45, "IQN.2001-04.com.example:A,i,0x40000137AB00");
  const auto decoded = decode_transport_id(data, 0);
  ASSERT_TRUE(std::holds_alternative<DecodedTransportId>(decoded));
  EXPECT_EQ(std::get<DecodedTransportId>(decoded).port,
            initiator_port("iqn.2001-04.COM.example:a", isid));
}

TEST(TransportId, EveryWrongFieldIsPointedAt) {
  const Bytes good = with_text(0x45, "iqn.a,i,0x40000137ab00");
  Bytes bad = good;
  bad[0] = 0x85;  // TPID FORMAT 10b
  EXPECT_EQ(fault_of(bad), pointer(0, 7));
  bad[0] = 0x55;
  EXPECT_EQ(fault_of(bad), pointer(0, 5));
  bad[0] = 0x46;  // SAS
  EXPECT_EQ(fault_of(bad), pointer(0, 3));
  bad = good;
  bad[1] = 1;
  EXPECT_EQ(fault_of(bad), pointer(1));
  for (const int length : {0, 16, 21, 28, 255}) {
    bad = good;
    bad[3] = static_cast<std::uint8_t>(length);
    EXPECT_EQ(fault_of(bad), pointer(2)) << length;
  }
  EXPECT_EQ(fault_of({0x45, 0}), pointer(0));
  EXPECT_EQ(fault_of(with_text(0x45, "iqn.a-without-an-isid")), pointer(4));
  EXPECT_EQ(fault_of(with_text(0x45, ",i,0x40000137ab00")), pointer(4));
  EXPECT_EQ(fault_of(with_text(0x45, "iqn.a,i,0x40000137ab0")), pointer(4 + 10));
  EXPECT_EQ(fault_of(with_text(0x45, "iqn.a,i,0x40000137ab0g")), pointer(4 + 10));
  EXPECT_EQ(fault_of(with_text(0x05, "")), pointer(4));
  EXPECT_EQ(fault_of(with_text(0x05, std::string(224, 'n'))), pointer(4));
  bad = good;
  bad.back() = 1;  // after the NUL
  EXPECT_EQ(fault_of(bad), pointer(4));
  bad = Bytes(24, 'n');  // no NUL
  bad[0] = 0x05, bad[1] = 0, bad[2] = 0, bad[3] = 20;
  EXPECT_EQ(fault_of(bad), pointer(4));
}

TEST(TransportId, RandomBytesAreTakenOrRefusedWithinTheList) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 20'000; ++i) {
    Bytes list = with_text(0x45, "iqn.a,i,0x40000137ab00");
    for (unsigned changes = random() % 4; changes > 0; --changes)
      list[random() % list.size()] = static_cast<std::uint8_t>(random());
    list.resize(1 + random() % list.size());
    const auto decoded = decode_transport_id(list, 0);
    if (const auto* fault = std::get_if<FieldPointer>(&decoded)) {
      ASSERT_LT(fault->byte, list.size() + 4);
    } else {
      ASSERT_LE(std::get<DecodedTransportId>(decoded).bytes, list.size());
    }
  }
}

}  // namespace
}  // namespace holdfast::scsi
