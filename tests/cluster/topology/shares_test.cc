#include "cluster/topology/shares.h"

#include <catch2/catch.hpp>
#include <numeric>

#include "sim/env/sim_env.h"

namespace quoris::topology {

namespace {

// In whole partitions, rounded.
std::vector<uint64_t> rounded(const std::vector<uint64_t>& shares) {
  std::vector<uint64_t> result;
  for (const uint64_t share : shares) result.push_back((share + kShareUnit / 2) / kShareUnit);
  return result;
}

using Shares = std::vector<uint64_t>;
using Holders = std::vector<ShareHolder>;

}  // namespace

TEST_CASE("shares: equal nodes share equally", "[topology]") {
  REQUIRE(rounded(replica_shares(Holders(4), 512, 3)) == Shares{384, 384, 384, 384});
  REQUIRE(rounded(replica_shares(Holders(1), 512, 1)) == Shares{512});
}

TEST_CASE("shares: by weight, but no more than each partition once", "[topology]") {
  REQUIRE(rounded(replica_shares(Holders{{3, 0}, {1, 0}, {1, 0}, {1, 0}}, 600, 1)) ==
          Shares{300, 100, 100, 100});
  // Of weight 3 in 6 it should hold 900 of 1800, and can hold 600; the others share what is left.
  REQUIRE(rounded(replica_shares(Holders{{3, 0}, {1, 0}, {1, 0}, {1, 0}}, 600, 3)) ==
          Shares{600, 400, 400, 400});
}

TEST_CASE("shares: as many racks as copies each hold every partition once", "[topology]") {
  REQUIRE(rounded(replica_shares(Holders{{1, 0}, {1, 1}, {1, 2}, {1, 0}}, 512, 3)) ==
          Shares{256, 512, 512, 256});
}

TEST_CASE("shares: with fewer racks than copies each rack holds every partition", "[topology]") {
  // By weight the single node of the second rack would hold 384.
  REQUIRE(rounded(replica_shares(Holders{{1, 0}, {1, 0}, {1, 0}, {1, 1}}, 512, 3)) ==
          Shares{341, 341, 341, 512});
}

TEST_CASE("shares: with more racks than copies no rack holds a partition twice", "[topology]") {
  // By weight the first rack would hold 614 of 1024.
  REQUIRE(rounded(replica_shares(Holders{{1, 0}, {1, 0}, {1, 0}, {1, 1}, {1, 2}}, 512, 2)) ==
          Shares{171, 171, 171, 256, 256});
}

TEST_CASE("shares: for a rack's sake a node holds at most twice its due", "[topology]") {
  // By weight the ninth node would hold 171; for its rack it would have to hold all 512.
  Holders holders(9);
  for (size_t i = 4; i < 8; ++i) holders[i].rack = 1;
  holders[8].rack = 2;
  const Shares shares = rounded(replica_shares(holders, 512, 3));
  REQUIRE(shares[8] == 341);
  REQUIRE(shares[0] == 149);
  REQUIRE(shares[4] == 149);
}

TEST_CASE("shares: they add up, whatever the weights and racks", "[topology]") {
  sim::SimRng rng(5);
  for (int round = 0; round < 500; ++round) {
    Holders holders(1 + rng.below(60));
    const uint64_t racks = 1 + rng.below(8);
    for (size_t i = 0; i < holders.size(); ++i) {
      holders[i].weight = static_cast<uint32_t>(1 + rng.below(16));
      holders[i].rack = static_cast<uint32_t>(i < racks ? i : rng.below(racks));
    }
    const auto copies = static_cast<uint32_t>(1 + rng.below(std::min<size_t>(7, holders.size())));
    const Shares shares = replica_shares(holders, 512, copies);
    const uint64_t sum = std::accumulate(shares.begin(), shares.end(), uint64_t{0});
    CAPTURE(round, holders.size(), racks, copies);
    REQUIRE(sum <= 512 * copies * kShareUnit);
    REQUIRE(sum + holders.size() * 2 > 512 * copies * kShareUnit);
    for (const uint64_t share : shares) REQUIRE(share <= 512 * kShareUnit);
  }
}

TEST_CASE("shares: bounds hold a whole number on each side of the share", "[topology]") {
  const auto bounds = [](double share, uint32_t slack) {
    return bounds_of(static_cast<uint64_t>(share * kShareUnit), slack);
  };
  REQUIRE(bounds(100, 10).low == 90);
  REQUIRE(bounds(100, 10).high == 110);
  REQUIRE(bounds(30.72, 10).low == 28);
  REQUIRE(bounds(30.72, 10).high == 33);
  REQUIRE(bounds(1.5, 10).low == 1);
  REQUIRE(bounds(1.5, 10).high == 2);
  REQUIRE(bounds(0, 10).high == 0);
}

}  // namespace quoris::topology
