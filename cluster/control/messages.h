// Every message between nodes: the rows of all rooms in one table, and control's own structs.
//
// Ordinals are append-only and never reused (message_table.h). What peers say is checked by whoever
// takes it: here by is_valid(), sizes by the channel's frame limit.
// Used by: Control; tests of the table.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/ids.h"
#include "cluster/bus/channel_messages.h"
#include "cluster/bus/message_table.h"
#include "cluster/membership/messages.h"
#include "cluster/raft/messages.h"
#include "cluster/topology/map_change.h"

namespace quoris::control {

// A node without a number asks to be let in. Answered by JoinAnswer over the same link.
struct JoinRequest {
  topology::Newcomer newcomer;     // host empty: as the receiver sees it
  std::string reached_host;        // the receiver's host as the newcomer knows it
  uint8_t replication_factor = 0;  // 0: not said; else it has to be the cluster's
  uint16_t partitions = 0;         // the same

  static constexpr auto kFields =
      std::make_tuple(&JoinRequest::newcomer, &JoinRequest::reached_host,
                      &JoinRequest::replication_factor, &JoinRequest::partitions);
};

// number 0: not let in; `is_final`: asking again is of no use before somebody changes something.
struct JoinAnswer {
  NodeNumber number{0};
  std::string error{};  // for people
  bool is_final = false;
  std::string map{};  // topology::encode_map(); the newcomer is in it

  static constexpr auto kFields = std::make_tuple(&JoinAnswer::number, &JoinAnswer::error,
                                                  &JoinAnswer::is_final, &JoinAnswer::map);
};

// A change of the map that the sender asks the leader to propose. The same request may come again
// while no answer has arrived; all changes bear being proposed twice (map_change.h).
struct Propose {
  uint64_t request = 0;
  std::string change;  // topology::encode_change()

  static constexpr auto kFields = std::make_tuple(&Propose::request, &Propose::change);
};

// What became of it: `index` is where it was applied. Not taken (it is no leader, or can't now):
// index 0, to be asked again, elsewhere perhaps.
struct ProposeAnswer {
  uint64_t request = 0;
  LogIndex index{0};
  bool is_refused = false;  // by the map
  uint8_t why = 0;          // topology::Refusal
  std::string message{};
  NodeNumber number{0};

  static constexpr auto kFields =
      std::make_tuple(&ProposeAnswer::request, &ProposeAnswer::index, &ProposeAnswer::is_refused,
                      &ProposeAnswer::why, &ProposeAnswer::message, &ProposeAnswer::number);
};

// A member asks the leader for a lease, for the life that `boot` says.
struct LeaseRequest {
  uint64_t sequence = 0;
  BootNumber boot{0};

  static constexpr auto kFields = std::make_tuple(&LeaseRequest::sequence, &LeaseRequest::boot);
};

// For so long from the sending of the request on; 0: none. It counts once the holder has applied
// the map of that version.
struct LeaseGrant {
  uint64_t sequence = 0;
  Term term{0};
  uint64_t duration_us = 0;
  LogIndex map_version{0};

  static constexpr auto kFields = std::make_tuple(
      &LeaseGrant::sequence, &LeaseGrant::term, &LeaseGrant::duration_us, &LeaseGrant::map_version);
};

using ControlMessages = bus::MessageTable<
    // membership
    bus::Row<"PING", 10, bus::LinkKind::control, membership::Ping>,
    bus::Row<"ACK", 11, bus::LinkKind::control, membership::Ack>,
    bus::Row<"PING-REQUEST", 12, bus::LinkKind::control, membership::PingRequest>,
    bus::Row<"RELAYED-ACK", 13, bus::LinkKind::control, membership::RelayedAck>,
    bus::Row<"NACK", 14, bus::LinkKind::control, membership::Nack>,
    bus::Row<"RUMORS", 15, bus::LinkKind::control, membership::Rumors>,
    // raft
    bus::Row<"VOTE", 20, bus::LinkKind::control, raft::VoteRequest>,
    bus::Row<"VOTE-REPLY", 21, bus::LinkKind::control, raft::VoteReply>,
    bus::Row<"APPEND", 22, bus::LinkKind::control, raft::Append>,
    bus::Row<"APPEND-REPLY", 23, bus::LinkKind::control, raft::AppendReply>,
    bus::Row<"RAFT-HEARTBEAT", 24, bus::LinkKind::control, raft::Heartbeat>,
    bus::Row<"RAFT-HEARTBEAT-REPLY", 25, bus::LinkKind::control, raft::HeartbeatReply>,
    bus::Row<"SNAPSHOT", 26, bus::LinkKind::control, raft::SnapshotChunk>,
    bus::Row<"SNAPSHOT-REPLY", 27, bus::LinkKind::control, raft::SnapshotReply>,
    bus::Row<"TIMEOUT-NOW", 28, bus::LinkKind::control, raft::TimeoutNow>,
    // control
    bus::Row<"JOIN", 40, bus::LinkKind::control, JoinRequest>,
    bus::Row<"JOIN-ANSWER", 41, bus::LinkKind::control, JoinAnswer>,
    bus::Row<"PROPOSE", 42, bus::LinkKind::control, Propose>,
    bus::Row<"PROPOSE-ANSWER", 43, bus::LinkKind::control, ProposeAnswer>,
    bus::Row<"LEASE", 44, bus::LinkKind::control, LeaseRequest>,
    bus::Row<"LEASE-GRANT", 45, bus::LinkKind::control, LeaseGrant>>;

// With the channel's own: for counters, docs and the check that no ordinal stands twice.
using AllMessages = bus::JoinedTable<bus::ChannelMessages, ControlMessages>;

}  // namespace quoris::control
