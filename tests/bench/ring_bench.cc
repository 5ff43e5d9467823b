// Shares and movement of the ring and its planner, and the time that a plan takes: tables for
// cluster/topology/README.md. Limits are judged by tests/cluster/topology/figures_test.cc.
//
//   quoris_ring_bench
#include <chrono>
#include <cstdio>

#include "sim/env/sim_env.h"
#include "tests/cluster/topology/ring_figures.h"

namespace quoris::topology::testing {

namespace {

constexpr int kChangesInARow = 30;

struct Worst {
  Peaks peaks;
  double moved = 0;  // in parts of the node's share
  double between_others = 0;
  size_t crowded_most = 0;

  void add(const ClusterMap& map) {
    const Peaks now = peaks_of(map);
    peaks.replicas = std::max(peaks.replicas, now.replicas);
    peaks.primaries = std::max(peaks.primaries, now.primaries);
    crowded_most = std::max(crowded_most, crowded(map));
  }

  void add(const Movement& movement) {
    moved = std::max(moved, movement.of_node / movement.fair);
    between_others = std::max(between_others, movement.between_others);
  }
};

void print(const Shape& shape, size_t count, const char* what, const Worst& worst) {
  std::printf("| %s | %zu | %s | %.3f | %.3f | %.2f | %.2f %% | %zu |\n", shape.name.c_str(), count,
              what, worst.peaks.replicas, worst.peaks.primaries, worst.moved,
              worst.between_others * 100, worst.crowded_most);
}

void measure(const Shape& shape, size_t count) {
  ShapedCluster cluster(shape);
  cluster.grow_to(count);
  const ClusterMap before = cluster.map;

  Worst join;
  const NodeNumber joined = cluster.join_next();
  cluster.settle();
  join.add(cluster.map);
  join.add(movement(before, cluster.map, joined));
  print(shape, count, "a join", join);

  if (count > 3) {
    Worst leave;
    for (const Member& member : before.members) {
      cluster.map = before;
      cluster.depart(member.number);
      cluster.settle();
      leave.add(cluster.map);
      leave.add(movement(before, cluster.map, member.number));
    }
    print(shape, count, "any leaves", leave);
  }

  Worst row;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    sim::SimRng rng(seed);
    cluster.map = before;
    for (int change = 0; change < kChangesInARow; ++change) {
      const ClusterMap last = cluster.map;
      const bool joins = rng.below(2) == 0 || last.members.size() <= 4;
      NodeNumber who = last.members[rng.below(last.members.size())].number;
      if (joins) {
        who = cluster.join_next();
      } else {
        cluster.depart(who);
      }
      cluster.settle();
      row.add(cluster.map);
      row.add(movement(last, cluster.map, who));
    }
  }
  print(shape, count, "30 in a row", row);
}

void time_plans() {
  std::puts("\n| a plan for 512 partitions | time |\n| --- | --- |");
  const auto time = [](const char* what, const ClusterMap& map) {
    constexpr int kRounds = 20;
    const auto begin = std::chrono::steady_clock::now();
    size_t moves = 0;
    for (int i = 0; i < kRounds; ++i) moves += make_plan(map).moves.size();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::printf("| %s (%zu moves) | %.2f ms |\n", what, moves / kRounds, took.count() / kRounds);
  };
  ShapedCluster cluster(shapes()[0]);
  while (cluster.map.members.size() < 50) cluster.join_next();
  time("50 nodes, 49 of them new", cluster.map);
  cluster.settle();
  time("50 nodes, nothing to do", cluster.map);
  const ClusterMap before = cluster.map;
  cluster.join_next();
  time("50 nodes, another joins", cluster.map);
  cluster.map = before;
  cluster.depart(NodeNumber{7});
  time("50 nodes, one leaves", cluster.map);
}

int run() {
  std::puts("Largest to fair share, what moved to or from the node in parts of its fair share,");
  std::puts("what moved between others in parts of all copies, partitions on too few racks:\n");
  std::puts("| nodes | | after | copies | primaries | moved | between others | crowded |");
  std::puts("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const Shape& shape : shapes()) {
    for (const size_t count : {3, 5, 10, 50}) measure(shape, count);
  }
  time_plans();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace quoris::topology::testing

int main() { return quoris::topology::testing::run(); }
