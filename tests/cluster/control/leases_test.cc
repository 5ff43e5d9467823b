#include "cluster/control/leases.h"

#include <catch2/catch.hpp>

namespace quoris::control {
namespace {

constexpr uint64_t kDrift = 10;  // permille
constexpr NodeNumber kNode{2};

LeaseGrant grant_of(uint64_t sequence, uint64_t duration_us, uint64_t term = 1,
                    uint64_t version = 5) {
  return {.sequence = sequence,
          .term = Term{term},
          .duration_us = duration_us,
          .map_version = LogIndex{version}};
}

}  // namespace

TEST_CASE("leases: the holder counts from its request, the grantor from its answer", "[lease]") {
  LeaseHolder holder;
  LeaseGrants grants;
  const uint64_t asked = 1'000'000;
  const uint64_t sequence = holder.ask(asked);
  // The request took 30 ms.
  const uint64_t granted_at = asked + 30'000;
  const uint64_t duration = grants.grant(kNode, granted_at, granted_at + 400'000);
  CHECK(duration == 400'000);
  holder.on_grant(grant_of(sequence, duration), kDrift);
  CHECK(holder.until_us(LogIndex{5}) == asked + 396'000);
  CHECK(holder.until_us(LogIndex{5}) < granted_at + duration);
  CHECK_FALSE(grants.is_over(kNode, granted_at + duration - 1));
  CHECK(grants.is_over(kNode, granted_at + duration));
}

TEST_CASE("leases: one counts only with the map that it was granted under", "[lease]") {
  LeaseHolder holder;
  holder.on_grant(grant_of(holder.ask(100), 400'000, 1, 7), kDrift);
  CHECK(holder.until_us(LogIndex{6}) == 0);
  CHECK(holder.until_us(LogIndex{7}) > 0);
  CHECK(holder.until_us(LogIndex{8}) > 0);
}

TEST_CASE("leases: what was not asked for, and an older term, count for nothing", "[lease]") {
  LeaseHolder holder;
  const uint64_t first = holder.ask(100);
  const uint64_t second = holder.ask(200);
  holder.on_grant(grant_of(second, 400'000, 3), kDrift);
  const uint64_t until = holder.until_us(LogIndex{9});
  SECTION("a doubled answer") { holder.on_grant(grant_of(second, 900'000, 3), kDrift); }
  SECTION("an answer that was overtaken") { holder.on_grant(grant_of(first, 900'000, 3), kDrift); }
  SECTION("a sequence that was never asked") { holder.on_grant(grant_of(77, 900'000, 3), kDrift); }
  SECTION("an older term") { holder.on_grant(grant_of(holder.ask(300), 900'000, 2), kDrift); }
  SECTION("a refusal") { holder.on_grant(grant_of(holder.ask(300), 0, 3), kDrift); }
  CHECK(holder.until_us(LogIndex{9}) == until);
}

TEST_CASE("leases: no grant outlives the leader's own lease", "[lease]") {
  LeaseGrants grants;
  CHECK(grants.grant(kNode, 1'000, 1'000) == 0);
  CHECK(grants.grant(kNode, 1'000, 900) == 0);
  CHECK(grants.is_over(kNode, 1'000));
  CHECK(grants.grant(kNode, 1'000, 1'500) == 500);
  CHECK(grants.left_us(kNode, 1'200) == 300);
}

TEST_CASE("leases: who is to be declared down is granted nothing more", "[lease]") {
  LeaseGrants grants;
  CHECK(grants.grant(kNode, 1'000, 2'000) == 1'000);
  grants.withhold(kNode);
  CHECK(grants.grant(kNode, 1'500, 3'000) == 0);
  CHECK_FALSE(grants.is_over(kNode, 1'999));
  CHECK(grants.is_over(kNode, 2'000));
  grants.allow(kNode);
  CHECK(grants.grant(kNode, 2'500, 3'000) == 500);
}

TEST_CASE("leases: of many requests without an answer only the last are remembered", "[lease]") {
  LeaseHolder holder;
  const uint64_t first = holder.ask(100);
  for (uint64_t i = 0; i < 100; ++i) static_cast<void>(holder.ask(200 + i));
  holder.on_grant(grant_of(first, 400'000), kDrift);
  CHECK(holder.until_us(LogIndex{9}) == 0);
}

}  // namespace quoris::control
