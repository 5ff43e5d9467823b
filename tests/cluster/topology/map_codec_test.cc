#include "cluster/topology/map_codec.h"

#include <catch2/catch.hpp>

#include "base/field_codec.h"
#include "base/hash.h"
#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology {

namespace {

using testing::node;
using testing::TestCluster;

// Small, with something in every field.
ClusterMap sample_map() {
  TestCluster cluster(16, 2);
  cluster.join("rack-b", 2);
  cluster.join("rack-c");
  cluster.settle();
  cluster.must(SetSetting{.name = "consistency", .value = "QUORUM"});
  cluster.restart(node(2));
  cluster.join();
  const Plan plan = make_plan(cluster.map);
  cluster.must(BeginMoves{.steps = plan.moves});
  cluster.depart(node(3));
  REQUIRE(cluster.count_moving() > 0);
  return cluster.map;
}

// With the checksum that these bytes should have.
std::string sealed(std::string bytes) {
  uint64_t seal = hash_bytes(bytes, HashSecret{});
  for (size_t i = 0; i < 8; ++i, seal >>= 8) bytes.push_back(static_cast<char>(seal));
  return bytes;
}

std::string unsealed(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  return bytes;
}

}  // namespace

TEST_CASE("map codec: what is decoded is what was encoded", "[topology]") {
  const ClusterMap map = sample_map();
  const Result<ClusterMap> decoded = decode_map(encode_map(map));
  REQUIRE(decoded.has_value());
  REQUIRE(*decoded == map);
  REQUIRE(hash_of(*decoded) == hash_of(map));

  const Result<ClusterMap> unfounded = decode_map(encode_map(ClusterMap{}));
  REQUIRE(unfounded.has_value());
  REQUIRE(*unfounded == ClusterMap{});
}

TEST_CASE("map codec: every truncation is refused", "[topology]") {
  const std::string bytes = encode_map(sample_map());
  for (size_t size = 0; size < bytes.size(); ++size) {
    REQUIRE_FALSE(decode_map(bytes.substr(0, size)).has_value());
  }
  REQUIRE_FALSE(decode_map(bytes + "x").has_value());
}

TEST_CASE("map codec: every flipped bit is refused", "[topology]") {
  const std::string bytes = encode_map(sample_map());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    REQUIRE_FALSE(decode_map(changed).has_value());
  }
}

TEST_CASE("map codec: a forged checksum brings in sound maps only", "[topology]") {
  const std::string body = unsealed(encode_map(sample_map()));
  size_t accepted = 0;
  for (size_t i = 0; i < body.size(); ++i) {
    for (int change = 1; change < 256; ++change) {
      std::string changed = body;
      changed[i] = static_cast<char>(changed[i] ^ change);
      const std::string bytes = sealed(changed);
      const Result<ClusterMap> decoded = decode_map(bytes);
      if (!decoded) continue;
      ++accepted;
      REQUIRE(check(*decoded).has_value());
      REQUIRE(encode_map(*decoded) == bytes);
    }
  }
  REQUIRE(accepted > 0);
}

TEST_CASE("map codec: a forged checksum of a truncated map is refused", "[topology]") {
  const std::string body = unsealed(encode_map(sample_map()));
  for (size_t size = 0; size < body.size(); ++size) {
    REQUIRE_FALSE(decode_map(sealed(body.substr(0, size))).has_value());
  }
}

TEST_CASE("map codec: another format and too many bytes have errors of their own", "[topology]") {
  std::string body = unsealed(encode_map(sample_map()));
  body[0] = kMapFormat + 1;
  REQUIRE(decode_map(sealed(body)).error().code == Errc::unsupported);
  REQUIRE(decode_map(std::string(kMapBytesMax + 1, 'x')).error().code == Errc::limit_exceeded);
}

TEST_CASE("map codec: 512 partitions on five nodes take a few KiB", "[topology]") {
  TestCluster cluster;
  for (int i = 0; i < 4; ++i) cluster.join();
  cluster.settle();
  REQUIRE(cluster.map.replication_in_force == 3);
  const size_t size = encode_map(cluster.map).size();
  CAPTURE(size);
  REQUIRE(size < 10 * 1024);
}

TEST_CASE("map codec: the largest map that is sound stays below the limit", "[topology]") {
  ClusterMap map;
  map.version = LogIndex{UINT64_MAX};
  map.name = std::string(kNameMax, 'n');
  map.id = testing::identity_of(UINT64_MAX);
  map.hash_seed = UINT64_MAX;
  map.replication_wanted = kReplicationFactorMax;
  map.replication_in_force = kReplicationFactorMax;
  map.next_number = NodeNumber{kNodeNumberMax + 1};
  for (uint16_t i = 1; i <= kNodeNumberMax; ++i) {
    std::string name = std::to_string(i);
    name = std::string(kNameMax - name.size(), 'n') + name + "#" + name;
    map.members.push_back({.number = node(i),
                           .identity = testing::identity_of(i),
                           .name = name,
                           .addresses = {.host = std::string(kHostMax, 'h'),
                                         .client_port = 65535,
                                         .cluster_port = 65535,
                                         .announce_host = std::string(kHostMax, 'h')},
                           .rack = std::string(kNameMax, 'r'),
                           .weight = kWeightMax,
                           .boot = BootNumber{UINT64_MAX},
                           .state = MemberState::down,
                           .incarnation = Incarnation{UINT64_MAX},
                           .departs = true,
                           .program = std::string(kProgramMax, 'p'),
                           .changed = LogIndex{UINT64_MAX}});
  }
  Partition partition;
  partition.epoch = Epoch{UINT64_MAX};
  for (uint16_t i = 0; i < kReplicationFactorMax; ++i) {
    partition.replicas.push_back(node(static_cast<uint16_t>(1000 + i)));
    partition.future.push_back(node(static_cast<uint16_t>(1010 + i)));
  }
  partition.primary = {.node = node(1000), .boot = BootNumber{UINT64_MAX}};
  for (const auto* nodes : {&partition.replicas, &partition.future}) {
    for (const NodeNumber number : *nodes) {
      partition.since.push_back({.node = number, .epoch = partition.epoch});
    }
  }
  map.partitions.assign(kSlots, partition);
  for (size_t i = 0; i < kSettingsMax; ++i) {
    std::string name = std::to_string(1000 + i);
    name += std::string(kNameMax - name.size(), 's');
    map.settings.push_back({.name = name, .value = std::string(kSettingValueMax, 'v')});
  }
  const Status sound = check(map);
  INFO((sound ? std::string() : sound.error().message));
  REQUIRE(sound.has_value());
  const std::string bytes = encode_map(map);
  CAPTURE(bytes.size());
  REQUIRE(bytes.size() <= kMapBytesMax);
  REQUIRE(decode_map(bytes).has_value());
}

}  // namespace quoris::topology
