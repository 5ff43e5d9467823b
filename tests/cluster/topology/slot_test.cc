#include "cluster/topology/slot.h"

#include <catch2/catch.hpp>
#include <string>

#include "sim/env/sim_env.h"

namespace quoris::topology {

namespace {

// CRC16/XMODEM bit by bit, as the specification defines it.
uint16_t crc16_by_definition(std::string_view bytes) {
  uint32_t crc = 0;
  for (const char byte : bytes) {
    crc ^= static_cast<uint32_t>(static_cast<uint8_t>(byte)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return static_cast<uint16_t>(crc);
}

}  // namespace

TEST_CASE("slot: the CRC16 of Redis Cluster's specification", "[topology]") {
  REQUIRE(crc16("123456789") == 0x31C3);
  REQUIRE(crc16("") == 0);
}

TEST_CASE("slot: the table computes what the polynomial defines", "[topology]") {
  sim::SimRng rng(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(rng.below(40), '\0');
    for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
    REQUIRE(crc16(bytes) == crc16_by_definition(bytes));
  }
}

TEST_CASE("slot: what CLUSTER KEYSLOT of Redis 7.0 answers", "[topology]") {
  REQUIRE(slot_of("foo") == Slot{12182});
  REQUIRE(slot_of("bar") == Slot{5061});
  REQUIRE(slot_of("hello") == Slot{866});
  REQUIRE(slot_of("somekey") == Slot{11058});
  REQUIRE(slot_of("foo{hash_tag}") == Slot{2515});
  REQUIRE(slot_of("") == Slot{0});
}

TEST_CASE("slot: hash tags by the rules of the specification", "[topology]") {
  REQUIRE(hash_tag("{user1000}.following") == "user1000");
  REQUIRE(slot_of("{user1000}.following") == slot_of("{user1000}.followers"));
  REQUIRE(hash_tag("foo{}{bar}") == "foo{}{bar}");
  REQUIRE(hash_tag("foo{{bar}}zap") == "{bar");
  REQUIRE(hash_tag("foo{bar}{zap}") == "bar");
  REQUIRE(hash_tag("}foo{bar}") == "bar");
  REQUIRE(hash_tag("foo{bar") == "foo{bar");
  REQUIRE(hash_tag("foo}bar{") == "foo}bar{");
  REQUIRE(hash_tag("{}") == "{}");
  REQUIRE(hash_tag("{a}") == "a");
}

TEST_CASE("slot: partitions are runs of slots of one length", "[topology]") {
  for (const uint32_t count : {1U, 2U, 512U, 16384U}) {
    REQUIRE(is_partition_count(count));
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const PartitionIndex partition = partition_of(static_cast<Slot>(slot), count);
      REQUIRE(raw(partition) == slot * count / kSlots);
      REQUIRE(raw(first_slot(partition, count)) <= slot);
      REQUIRE(slot < raw(first_slot(partition, count)) + kSlots / count);
    }
  }
  for (const uint32_t count : {0U, 3U, 511U, 32768U}) REQUIRE_FALSE(is_partition_count(count));
}

}  // namespace quoris::topology
