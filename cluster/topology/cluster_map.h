// The cluster map: who is a member and who owns what. The only truth about both; Raft's state
// machine (cluster/topology/map_change.h changes it, nothing else does).
//
// Two nodes that have applied the same entries hold equal maps, byte for byte (map_codec.h).
// What always holds is written down as check() in map_check.h. Members, settings and sets of nodes
// are sorted and without doubles, so that equal things have equal bytes.
// Not in here: Raft's voters, which are Raft's own, and what changes by the second (leases, load).
// Pure. Used by: everyone in a cluster. Source: DESIGN section 5, PROTOCOL "State"
// (docs/architecture.md).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "cluster/topology/slot.h"

namespace quoris::topology {

inline constexpr uint16_t kNodeNumberMax = (1U << kNodeNumberBits) - 1;
inline constexpr NodeNumber kNoNode{0};

// A random id of a node or a cluster, in hexadecimal digits.
inline constexpr size_t kIdSize = 40;

inline constexpr size_t kNameMax = 64;  // of a node, a cluster, a rack, a setting
inline constexpr size_t kHostMax = 255;
inline constexpr size_t kProgramMax = 32;
inline constexpr size_t kSettingsMax = 256;
inline constexpr size_t kSettingValueMax = 4096;

// A node of weight 2 holds twice as much as one of weight 1. More than 16 would leave the light
// ones nothing, and make the ring large.
inline constexpr uint8_t kWeightMax = 16;

// As many as there may be voters: more copies than that make writes slow and nothing safer.
inline constexpr uint8_t kReplicationFactorMax = 7;
inline constexpr uint8_t kReplicationFactorDefault = 3;

// Ordinals are persisted: append only.
enum class MemberState : uint8_t {
  joining = 1,  // let in; has not yet caught up with the map and gets no data
  up = 2,
  down = 3,     // the leader has declared it so; its last lease is over
  stale = 4,    // it is there, but fit for neither lease nor primacy (its clock, its disk)
  leaving = 5,  // up, and on its way out: `departs`
};

struct Addresses {
  std::string host;  // as other nodes reach it: a name or an address
  uint16_t client_port = 0;
  uint16_t cluster_port = 0;
  std::string announce_host;  // as clients are told; empty: host

  bool operator==(const Addresses&) const = default;
  static constexpr auto kFields =
      std::make_tuple(&Addresses::host, &Addresses::client_port, &Addresses::cluster_port,
                      &Addresses::announce_host);
};

struct Member {
  NodeNumber number{0};
  std::string identity;  // stands with its data; 40 hexadecimal digits
  std::string name;      // --node-id; with '#' and the number once somebody else has taken it
  Addresses addresses;
  std::string rack;  // empty: one rack with all others that say nothing
  uint8_t weight = 1;
  BootNumber boot{0};
  MemberState state = MemberState::joining;
  Incarnation incarnation{0};  // in which `state` was observed; begins anew with each boot
  bool departs = false;        // gets nothing any more, and goes when it holds nothing
  std::string program;         // its version
  LogIndex changed{0};         // the map's version when anything of this changed last

  bool operator==(const Member&) const = default;
  static constexpr auto kFields =
      std::make_tuple(&Member::number, &Member::identity, &Member::name, &Member::addresses,
                      &Member::rack, &Member::weight, &Member::boot, &Member::state,
                      &Member::incarnation, &Member::departs, &Member::program, &Member::changed);
};

// Primacy belongs to one life of a node.
struct Primary {
  NodeNumber node{0};
  BootNumber boot{0};

  bool operator==(const Primary&) const = default;
  static constexpr auto kFields = std::make_tuple(&Primary::node, &Primary::boot);
};

// The epoch in which a node was added to a partition.
struct Since {
  NodeNumber node{0};
  Epoch epoch{0};

  bool operator==(const Since&) const = default;
  static constexpr auto kFields = std::make_tuple(&Since::node, &Since::epoch);
};

struct Partition {
  Epoch epoch{0};
  std::vector<NodeNumber> replicas;  // R
  std::vector<NodeNumber> future;    // N; empty: it doesn't move
  Primary primary;
  std::vector<Since> since;  // of all in R and N

  [[nodiscard]] bool is_moving() const { return !future.empty(); }

  // The set that it will have.
  [[nodiscard]] const std::vector<NodeNumber>& settled() const {
    return is_moving() ? future : replicas;
  }

  bool operator==(const Partition&) const = default;
  static constexpr auto kFields =
      std::make_tuple(&Partition::epoch, &Partition::replicas, &Partition::future,
                      &Partition::primary, &Partition::since);
};

struct Setting {
  std::string name;
  std::string value;

  bool operator==(const Setting&) const = default;
  static constexpr auto kFields = std::make_tuple(&Setting::name, &Setting::value);
};

struct ClusterMap {
  LogIndex version{0};  // of the entry of Raft's log that was applied last
  std::string name;
  std::string id;  // empty: no cluster was founded yet
  uint64_t hash_seed = 0;
  uint8_t replication_wanted = 0;
  uint8_t replication_in_force = 0;  // every partition has at least so many replicas
  NodeNumber next_number{1};         // no number from here on was ever given
  std::vector<Member> members;       // by number
  std::vector<Partition> partitions;
  std::vector<Setting> settings;  // by name

  [[nodiscard]] bool is_founded() const { return !id.empty(); }

  // Null if there is none.
  [[nodiscard]] const Member* find(NodeNumber number) const;
  [[nodiscard]] Member* find(NodeNumber number);
  [[nodiscard]] const Member* find_identity(std::string_view identity) const;
  [[nodiscard]] const Member* find_name(std::string_view name) const;
  [[nodiscard]] const Partition* find(PartitionIndex partition) const;
  [[nodiscard]] Partition* find(PartitionIndex partition);

  // Null: not set.
  [[nodiscard]] const std::string* find_setting(std::string_view name) const;

  // REQUIRES: is_founded().
  [[nodiscard]] PartitionIndex partition_of(Slot slot) const;
  [[nodiscard]] NodeNumber primary_of(Slot slot) const;

  bool operator==(const ClusterMap&) const = default;
  static constexpr auto kFields = std::make_tuple(
      &ClusterMap::version, &ClusterMap::name, &ClusterMap::id, &ClusterMap::hash_seed,
      &ClusterMap::replication_wanted, &ClusterMap::replication_in_force, &ClusterMap::next_number,
      &ClusterMap::members, &ClusterMap::partitions, &ClusterMap::settings);
};

// Of sorted sets of nodes, as they stand in the map.
[[nodiscard]] bool contains(const std::vector<NodeNumber>& nodes, NodeNumber node);
[[nodiscard]] bool is_node_set(const std::vector<NodeNumber>& nodes);

// Who has taken the name of a member, which is called after its number since; null: nobody, or not
// any more.
[[nodiscard]] const Member* successor_of(const ClusterMap& map, const Member& member);

// May begin an epoch as primary: it is there and well.
[[nodiscard]] bool can_be_primary(const ClusterMap& map, NodeNumber node);

// May be given copies.
[[nodiscard]] bool can_take_data(const Member& member);

}  // namespace quoris::topology
