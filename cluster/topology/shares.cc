#include "cluster/topology/shares.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace quoris::topology {

namespace {

// Fractions of a unit per weight, so that weights of thousands don't round to nothing.
constexpr uint32_t kLevelBits = 16;

uint64_t at_level(const Claim& claim, uint64_t level) {
  return std::clamp((level * claim.weight) >> kLevelBits, claim.low, claim.high);
}

uint64_t sum(std::span<const uint64_t> values) {
  return std::accumulate(values.begin(), values.end(), uint64_t{0});
}

// What each rack should hold, and can at most: `tops` are its nodes' limits.
std::vector<Claim> claims_of_racks(std::span<const ShareHolder> holders,
                                   std::span<const uint64_t> tops, uint64_t partitions,
                                   uint32_t copies) {
  std::vector<Claim> claims;
  std::vector<uint64_t> rooms;
  for (size_t i = 0; i < holders.size(); ++i) {
    const uint32_t rack = holders[i].rack;
    if (rack >= claims.size()) {
      claims.resize(rack + 1, Claim{.weight = 0, .low = 0, .high = 0});
      rooms.resize(rack + 1);
    }
    claims[rack].weight += holders[i].weight;
    rooms[rack] += tops[i];
  }
  const auto racks = static_cast<uint32_t>(claims.size());
  // With more copies than racks, one rack may hold what the others leave.
  const uint64_t several = copies > racks ? copies - racks + 1 : 1;
  uint64_t spread = 0;
  for (uint32_t rack = 0; rack < racks; ++rack) {
    claims[rack].high = std::min(rooms[rack], several * partitions);
    claims[rack].low = racks <= copies ? std::min(rooms[rack], partitions) : 0;
    spread += claims[rack].high;
  }
  if (spread < partitions * copies) {
    // Not all can be spread: each rack takes what it may, and who has room takes the rest.
    for (uint32_t rack = 0; rack < racks; ++rack) {
      claims[rack].low = claims[rack].high;
      claims[rack].high = rooms[rack];
    }
  }
  return claims;
}

}  // namespace

std::vector<uint64_t> divide(uint64_t total, std::span<const Claim> claims) {
  const auto shares_at = [claims](uint64_t level) {
    std::vector<uint64_t> shares;
    shares.reserve(claims.size());
    for (const Claim& claim : claims) shares.push_back(at_level(claim, level));
    return shares;
  };
  // The highest level whose shares don't exceed the total.
  uint64_t low = 0;
  uint64_t high = total << kLevelBits;
  while (low < high) {
    const uint64_t middle = low + (high - low + 1) / 2;
    if (sum(shares_at(middle)) <= total) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return shares_at(low);
}

std::vector<uint64_t> replica_shares(std::span<const ShareHolder> holders, uint32_t partitions,
                                     uint32_t copies) {
  QUORIS_ASSERT(copies <= holders.size());
  const uint64_t once = partitions * kShareUnit;
  std::vector<Claim> claims;
  claims.reserve(holders.size());
  for (const ShareHolder& holder : holders) {
    claims.push_back({.weight = holder.weight, .low = 0, .high = once});
  }
  std::vector<uint64_t> shares = divide(once * copies, claims);
  const bool has_racks =
      std::ranges::any_of(holders, [](const ShareHolder& holder) { return holder.rack > 0; });
  if (!has_racks) return shares;

  std::vector<uint64_t> tops;
  for (const uint64_t share : shares) {
    tops.push_back(std::min(once, share + share * kRackExcess / 100));
  }
  const std::vector<uint64_t> rack_shares =
      divide(once * copies, claims_of_racks(holders, tops, once, copies));
  for (uint32_t rack = 0; rack < rack_shares.size(); ++rack) {
    std::vector<size_t> members;
    claims.clear();
    for (size_t i = 0; i < holders.size(); ++i) {
      if (holders[i].rack != rack) continue;
      members.push_back(i);
      claims.push_back({.weight = holders[i].weight, .low = 0, .high = tops[i]});
    }
    const std::vector<uint64_t> within = divide(rack_shares[rack], claims);
    for (size_t i = 0; i < members.size(); ++i) shares[members[i]] = within[i];
  }
  return shares;
}

Bounds bounds_of(uint64_t share, uint32_t slack_percent) {
  const uint64_t slack = share * slack_percent / 100;
  const auto whole = [](uint64_t units) { return static_cast<uint32_t>(units / kShareUnit); };
  const auto whole_up = [](uint64_t units) {
    return static_cast<uint32_t>((units + kShareUnit - 1) / kShareUnit);
  };
  return {.low = std::min(whole(share), whole_up(share - slack)),
          .high = std::max(whole_up(share), whole(share + slack))};
}

}  // namespace quoris::topology
