// Fair shares: how much of all copies (or of all primacies) each node should hold.
//
// A share goes with the weight. Two things bend it:
// - a node holds a partition at most once, so no share is above the number of partitions; what a
//   heavy node can't take is spread over the others by their weights;
// - where racks are given, the shares are such that every partition can have its copies on as many
//   racks as there are (at most one of them per rack if there are enough racks). That makes nodes
//   of a small rack hold more than their weight says, but never more than twice as much
//   (kRackExcess): beyond that racks give way, for a node that runs out of memory helps nobody.
//
// A node is within bounds if it holds at most 1.1 times its share (1.2 of primacies) and at least
// 0.9 (0.8), rounded to whole partitions such that there always is a whole number within.
// Pure integers: the same on every machine. Used by: planner.
// Source: bounded loads, Mirrokni, Thorup, Zadimoghaddam 2018.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace quoris::topology {

// Shares are counted in parts of a partition.
inline constexpr uint64_t kShareUnit = 1024;

// Percent by which a load may differ from its share.
inline constexpr uint32_t kReplicaSlack = 10;
inline constexpr uint32_t kPrimarySlack = 20;

// What a rack's sake may add to a share, in percent of it.
inline constexpr uint32_t kRackExcess = 100;

struct Claim {
  uint32_t weight = 1;
  uint64_t low = 0;   // at least so much
  uint64_t high = 0;  // at most; not below `low`
};

// Divides `total` by weights, within the claims' bounds: a bit less than `total` by rounding, less
// if the bounds leave no room, more if they demand it.
[[nodiscard]] std::vector<uint64_t> divide(uint64_t total, std::span<const Claim> claims);

struct ShareHolder {
  uint32_t weight = 1;
  uint32_t rack = 0;  // equal numbers for one rack, from 0 without gaps
};

// Of `copies` of each of `partitions`, in kShareUnits.
// REQUIRES: copies <= holders.size().
[[nodiscard]] std::vector<uint64_t> replica_shares(std::span<const ShareHolder> holders,
                                                   uint32_t partitions, uint32_t copies);

// Whole partitions. low <= share <= high but for rounding.
struct Bounds {
  uint32_t low = 0;
  uint32_t high = 0;
};

[[nodiscard]] Bounds bounds_of(uint64_t share, uint32_t slack_percent);

}  // namespace quoris::topology
