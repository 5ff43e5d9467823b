// Faults by name: what there is, and the profiles that put them together.
//
// Used by: options (--faults), FaultDriver, docs/simulator.md.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quoris::sim {

// Ordinals are part of what a seed means: append only.
enum class FaultKind : uint8_t {
  // The network between nodes and from clients to a node.
  partition,          // a node hears nobody and is heard by nobody
  partition_inbound,  // it is heard, and hears nobody
  partition_outbound,
  flicker,    // cuts of milliseconds, several in a row
  slow_link,  // late, and unevenly so
  lossy_link,
  reset,  // every connection of a node breaks
  // Disk.
  slow_disk,
  failing_writes,
  failing_syncs,
  full_disk,
  // Clock.
  clock_jump,
  clock_drift,
  // Process and machine.
  pause,  // SIGSTOP, then SIGCONT
  kill,   // kill -9
  power_cut,
  kill_at_step,           // after so many more steps of the disk
  power_cut_at_step,      // as above: between a write and its fsync, within a rename ...
  power_cut_at_reply,     // the moment at which a reply reaches a client
  power_cut_in_snapshot,  // while a snapshot is written or published
  crash_in_recovery,      // the power goes, and again while the node starts
  // Of a cluster, and nowhere else. The network between nodes; clients notice nothing.
  split,     // two groups of nodes hear nothing of each other
  cut_pair,  // two nodes hear nothing of each other, or one of them; the others hear both
  channel,   // messages are lost, doubled, late, and overtake one another (rules of FAULT)
  // Processes of a cluster.
  restart,                   // a clean stop, and the supervisor's start
  pause_past_lease,          // longer than a lease lasts
  power_cut_leader_at_step,  // of Raft's files
  cut_new_leader,            // the leader dies, and who is elected then is cut off at once
  hand_over,                 // leadership moves on request
  blackout,                  // the power of all goes as soon as the leader has made a change
  // Its members.
  join,   // a machine from the store
  leave,  // a member goes, and its machine is put into the store
  wipe,   // a member loses its disk, and comes back with an empty one
  count_of_kinds,
};

inline constexpr size_t kFaultKinds = static_cast<size_t>(FaultKind::count_of_kinds);

[[nodiscard]] constexpr bool is_of_cluster(FaultKind kind) { return kind >= FaultKind::split; }

[[nodiscard]] constexpr bool is_of_members(FaultKind kind) { return kind >= FaultKind::join; }

[[nodiscard]] std::string_view name_of(FaultKind kind);

// "all", "network,pause", "power_cut": profiles and names, in any mixture; each kind once, in the
// order of the kinds. "none" is none, and stands alone.
[[nodiscard]] Result<std::vector<FaultKind>> parse_faults(std::string_view text);

// What stands between the commas; of an empty text one empty word.
[[nodiscard]] std::vector<std::string_view> words_of_faults(std::string_view text);

struct FaultProfile {
  std::string_view name;
  std::string_view help;
};

// As --help shows them.
[[nodiscard]] std::vector<FaultProfile> fault_profiles();

}  // namespace quoris::sim
