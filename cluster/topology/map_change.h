// Changes of the cluster map: what Raft's entries carry, and what they do.
//
// A change is proposed by somebody who looked at some map, and applied later to a newer one, maybe
// in the term of another leader. So each says what it relies on (a member as of a version of the
// map, a partition in an epoch), and does nothing where that no longer holds. Refusing is as
// deterministic as doing: every node comes to the same map, and its proposer learns which it was.
//
// Epochs: a partition's entry changes by exactly one epoch per change, and never otherwise.
// Numbers: the lowest that was never given; none is given twice.
// A change that this version can't decode (decode_change) must not be skipped by some and applied
// by others: whoever proposes a new kind makes sure that all members know it.
// Pure. Used by: control, the simulator. Source: PROTOCOL "State", "Fences", "Moves".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cluster/topology/cluster_map.h"

namespace quoris::topology {

// --- members --------------------------------------------------------------------------------

// What a node says of itself when it wants in.
struct Newcomer {
  std::string identity;
  std::string name;
  Addresses addresses;
  std::string rack;
  uint8_t weight = 1;
  BootNumber boot{0};
  std::string program;

  static constexpr auto kFields =
      std::make_tuple(&Newcomer::identity, &Newcomer::name, &Newcomer::addresses, &Newcomer::rack,
                      &Newcomer::weight, &Newcomer::boot, &Newcomer::program);
};

// The first change. The founder is number 1, up, and holds every partition.
struct FoundCluster {
  std::string name;
  std::string id;
  uint64_t hash_seed = 0;
  uint16_t partitions = 0;
  uint8_t replication_factor = 0;
  Newcomer founder;

  static constexpr auto kFields = std::make_tuple(
      &FoundCluster::name, &FoundCluster::id, &FoundCluster::hash_seed, &FoundCluster::partitions,
      &FoundCluster::replication_factor, &FoundCluster::founder);
};

// A known identity keeps its number (and name, rack, weight); when it has started anew, its boot,
// addresses and program are taken over, as by AnnounceBoot. Applied twice it answers the same.
// A name whose holder is down passes to the newcomer: the holder is called name#number from then
// on and departs; else the name is refused.
struct AddMember {
  Newcomer newcomer;

  static constexpr auto kFields = std::make_tuple(&AddMember::newcomer);
};

// A member as the proposer saw it: in this life, in a map of that version. Refused when it has
// changed since.
struct SeenMember {
  NodeNumber number{0};
  BootNumber boot{0};
  LogIndex version{0};

  static constexpr auto kFields =
      std::make_tuple(&SeenMember::number, &SeenMember::boot, &SeenMember::version);
};

// To up (leaving, if it departs), down or stale. The incarnation never goes back.
struct ChangeState {
  SeenMember member;
  MemberState from{};
  MemberState to{};
  Incarnation incarnation{0};

  static constexpr auto kFields = std::make_tuple(&ChangeState::member, &ChangeState::from,
                                                  &ChangeState::to, &ChangeState::incarnation);
};

struct UpdateAddresses {
  SeenMember member;
  Addresses addresses;

  static constexpr auto kFields =
      std::make_tuple(&UpdateAddresses::member, &UpdateAddresses::addresses);
};

// A node has started: every partition whose primary it was begins a new epoch, in the new life.
// Applied twice it answers the same.
struct AnnounceBoot {
  NodeNumber number{0};
  BootNumber boot{0};
  std::string program;

  static constexpr auto kFields =
      std::make_tuple(&AnnounceBoot::number, &AnnounceBoot::boot, &AnnounceBoot::program);
};

// LEAVE, REMOVE and their end. A node that departs gets nothing any more; the planner moves away
// what it holds, down or not. False: it stays after all.
struct SetDeparting {
  SeenMember member;
  bool departs = true;

  static constexpr auto kFields = std::make_tuple(&SetDeparting::member, &SetDeparting::departs);
};

// Of one that departs and holds nothing.
struct RemoveMember {
  SeenMember member;

  static constexpr auto kFields = std::make_tuple(&RemoveMember::member);
};

// --- settings -------------------------------------------------------------------------------

// Nothing: back to its default.
struct SetSetting {
  std::string name;
  std::optional<std::string> value;

  static constexpr auto kFields = std::make_tuple(&SetSetting::name, &SetSetting::value);
};

struct SetReplicationFactor {
  uint8_t wanted = 0;

  static constexpr auto kFields = std::make_tuple(&SetReplicationFactor::wanted);
};

// Up when every partition has as many, down before the first is to have fewer.
struct SetReplicationInForce {
  uint8_t from = 0;
  uint8_t to = 0;

  static constexpr auto kFields =
      std::make_tuple(&SetReplicationInForce::from, &SetReplicationInForce::to);
};

// --- partitions -----------------------------------------------------------------------------

// Each step of the changes below is done or refused by itself; Applied names the refused ones.

// In `epoch`, and then `primary` begins the next one.
struct PrimaryStep {
  PartitionIndex partition{0};
  Epoch epoch{0};
  NodeNumber primary{0};

  bool operator==(const PrimaryStep&) const = default;
  static constexpr auto kFields =
      std::make_tuple(&PrimaryStep::partition, &PrimaryStep::epoch, &PrimaryStep::primary);
};

// The replicas it is to have, sorted. `primary`: see what uses it.
struct PlaceStep {
  PartitionIndex partition{0};
  Epoch epoch{0};
  std::vector<NodeNumber> replicas;
  NodeNumber primary{0};

  bool operator==(const PlaceStep&) const = default;
  static constexpr auto kFields = std::make_tuple(&PlaceStep::partition, &PlaceStep::epoch,
                                                  &PlaceStep::replicas, &PlaceStep::primary);
};

// Of a node of R or N that is up or leaving. The same node again: a new epoch.
struct SetPrimaries {
  std::vector<PrimaryStep> steps;

  static constexpr auto kFields = std::make_tuple(&SetPrimaries::steps);
};

// STABLE(R) -> JOINT(R, N). The primary stays. Newcomers have to be up.
struct BeginMoves {
  std::vector<PlaceStep> steps;

  static constexpr auto kFields = std::make_tuple(&BeginMoves::steps);
};

// JOINT(R, N) -> STABLE(N), with a primary of N. REQUIRES of the proposer: `epoch` was reported
// active, and each newcomer's pull complete.
struct SwitchMoves {
  std::vector<PrimaryStep> steps;

  static constexpr auto kFields = std::make_tuple(&SwitchMoves::steps);
};

// JOINT(R, N) -> STABLE(R), with a primary of R.
struct CancelMoves {
  std::vector<PrimaryStep> steps;

  static constexpr auto kFields = std::make_tuple(&CancelMoves::steps);
};

// STABLE(R) -> STABLE(N) at once, with a primary of N. REQUIRES of the proposer: the primary has
// reported that the partition is empty and takes nothing before the next epoch.
struct PlaceEmpty {
  std::vector<PlaceStep> steps;

  static constexpr auto kFields = std::make_tuple(&PlaceEmpty::steps);
};

// --------------------------------------------------------------------------------------------

// Alternatives are persisted by their index: append only.
using MapChange =
    std::variant<FoundCluster, AddMember, ChangeState, UpdateAddresses, AnnounceBoot, SetDeparting,
                 RemoveMember, SetSetting, SetReplicationFactor, SetReplicationInForce,
                 SetPrimaries, BeginMoves, SwitchMoves, CancelMoves, PlaceEmpty>;

[[nodiscard]] std::string encode_change(const MapChange& change);

// Nothing: not what encode_change() writes. What its fields mean is apply()'s to check.
[[nodiscard]] std::optional<MapChange> decode_change(std::string_view bytes);

struct Applied {
  NodeNumber number{0};                 // FoundCluster, AddMember: who it is now
  std::vector<PartitionIndex> refused;  // steps whose partition was not as it should be
};

enum class Refusal : uint8_t {
  late,         // what it relies on has changed: look at the map, and propose anew if need be
  not_founded,  // there is no cluster yet
  already_founded,
  invalid,         // a field is beyond its limits: never retried
  unknown_member,  // no such number (any more)
  name_taken,      // by a member that isn't down, or for good
  no_number,       // all were given
  transition,      // no way from this state to that one
  still_needed,    // it holds partitions, doesn't depart, or is the only one
  too_few,         // a partition has fewer replicas
  too_many,        // settings
};

[[nodiscard]] std::string_view to_string(Refusal refusal);

struct Refused {
  Refusal why{};
  std::string message;  // for people
};

// Applies the entry that stands at `index` of Raft's log. Refused: nothing but the version changes.
// REQUIRES: index > map.version, check(map).
[[nodiscard]] Result<Applied, Refused> apply(ClusterMap& map, LogIndex index,
                                             const MapChange& change);

// An entry of Raft's log that isn't about the map. REQUIRES: index > map.version.
void skip(ClusterMap& map, LogIndex index);

}  // namespace quoris::topology
