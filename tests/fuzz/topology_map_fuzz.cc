// Any bytes as a cluster map and as a change: what is decoded is what would be encoded, and a map
// stays sound whatever is applied to it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/hash.h"
#include "cluster/topology/map_codec.h"
#include "tests/cluster/topology/test_cluster.h"

namespace quoris::topology {

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

ClusterMap sample() {
  testing::TestCluster cluster(4, 2);
  cluster.join();
  cluster.settle();
  cluster.join();
  return cluster.map;
}

// With the checksum that it should have, for a fuzzer doesn't find one.
void decode_sealed(std::string_view body) {
  std::string bytes(body);
  uint64_t seal = hash_bytes(body, HashSecret{});
  for (size_t i = 0; i < sizeof seal; ++i, seal >>= 8) bytes.push_back(static_cast<char>(seal));
  const Result<ClusterMap> map = decode_map(bytes);
  if (map) require(encode_map(*map) == bytes);
}

void change_map(std::string_view bytes) {
  static const ClusterMap kBefore = sample();
  const std::optional<MapChange> change = decode_change(bytes);
  if (!change) return;
  require(encode_change(*change) == bytes);
  ClusterMap after = kBefore;
  static_cast<void>(apply(after, static_cast<LogIndex>(raw(kBefore.version) + 1), *change));
  require(check(after).has_value());
  require(check_succession(kBefore, after).has_value());
}

}  // namespace
}  // namespace quoris::topology

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  quoris::topology::decode_sealed(bytes);
  quoris::topology::change_map(bytes);
  return 0;
}
