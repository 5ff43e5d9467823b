#include "sim/cluster_looks.h"

#include <algorithm>

namespace quoris::sim {

Machine* leader_of(World& world) {
  Machine* leader = nullptr;
  Term term{0};
  for (size_t i = 0; i < world.nodes(); ++i) {
    Machine& machine = world.machine(i);
    const raft::Raft* raft = machine.control() == nullptr ? nullptr : machine.control()->raft();
    if (raft == nullptr || !raft->is_leader() || raft->term() < term) continue;
    leader = &machine;
    term = raft->term();
  }
  return leader;
}

const topology::ClusterMap* newest_map(World& world) {
  const topology::ClusterMap* newest = nullptr;
  for (size_t i = 0; i < world.nodes(); ++i) {
    const control::Control* control = world.machine(i).control();
    if (control == nullptr || !control->map().is_founded()) continue;
    if (newest == nullptr || control->map().version > newest->version) newest = &control->map();
  }
  return newest;
}

Machine* machine_of(World& world, NodeNumber number) {
  for (size_t i = 0; i < world.nodes(); ++i) {
    const control::Control* control = world.machine(i).control();
    if (control != nullptr && control->number() == number) return &world.machine(i);
  }
  return nullptr;
}

const topology::Member* member_of(Machine& machine, const topology::ClusterMap& map) {
  const control::Control* control = machine.control();
  return control == nullptr ? nullptr : map.find_identity(control->identity());
}

bool all_voters_are_sound(World& world) {
  const Machine* leader = leader_of(world);
  const topology::ClusterMap* map = newest_map(world);
  if (leader == nullptr || map == nullptr) return false;
  Machine& leading = world.machine(leader->index());
  const raft::Raft& raft = *leading.control()->raft();
  if (raft.log().configuration_index() > raft.commit_index()) return false;
  if (!raft.is_settled_leader()) return false;
  return std::ranges::all_of(raft.configuration().voters,
                             [&](NodeNumber voter) { return machine_of(world, voter) != nullptr; });
}

}  // namespace quoris::sim
