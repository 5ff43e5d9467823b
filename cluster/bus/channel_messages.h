// The channel's own messages: how a link begins and how it is kept alive.
//
//   who began             who was called
//   HELLO       ------->
//               <-------  CHALLENGE     (or REFUSED, unproven)
//   PROOF       ------->                (or REFUSED, proven)
//               <-------  WELCOME       (or REFUSED, proven)
//   HEARTBEAT   ------->
//               <-------  HEARTBEAT-ACK
//
// Layouts are persistent across versions: the first three fields of HELLO and CHALLENGE and all of
// REFUSED never change, so that nodes of versions that don't get along can say so.
// Used by: Handshake, Connection, Bus.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "base/ids.h"
#include "base/transport.h"
#include "cluster/bus/message_table.h"

namespace quoris::bus {

// The first field of HELLO, which tells a peer from a client that says HELLO 3.
inline constexpr std::string_view kHelloMark = "quoris";

struct ProtocolVersions {
  uint16_t min = 1;
  uint16_t max = 1;
};

// Of this build. A new field or message raises max; min, once nobody needs the old form.
inline constexpr ProtocolVersions kProtocolVersions{.min = 1, .max = 1};

inline constexpr size_t kIdentityDigits = 40;
inline constexpr size_t kNonceBytes = 32;
inline constexpr uint16_t kNodeNumberMax = (1U << kNodeNumberBits) - 1;
// Longest cluster name, cluster id, node id, host.
inline constexpr size_t kNameMax = 255;
inline constexpr size_t kRefusalTextMax = 512;

struct Address {
  std::string host;  // empty: unknown
  uint16_t port = 0;

  bool operator==(const Address&) const = default;
  static constexpr auto kFields = std::make_tuple(&Address::host, &Address::port);
};

// What a node says of itself.
struct NodeFacts {
  std::string identity;     // 40 hexadecimal digits, stands with the data
  NodeNumber number{0};     // 0: not let in yet
  BootNumber boot{0};       //
  std::string name;         // --node-id, for people; may be empty
  int64_t wall_us = 0;      // its wall clock when it said so
  Address client_address;   // where it serves clients
  Address cluster_address;  // where it can be called

  bool operator==(const NodeFacts&) const = default;
  static constexpr auto kFields =
      std::make_tuple(&NodeFacts::identity, &NodeFacts::number, &NodeFacts::boot, &NodeFacts::name,
                      &NodeFacts::wall_us, &NodeFacts::client_address, &NodeFacts::cluster_address);
};

struct Hello {
  std::string mark{kHelloMark};
  uint16_t version_min = 0;
  uint16_t version_max = 0;
  std::string cluster;     // its name
  std::string cluster_id;  // empty: not known yet
  LinkKind link = LinkKind::control;
  bool has_secret = false;
  std::string nonce;
  NodeFacts node;

  static constexpr auto kFields = std::make_tuple(
      &Hello::mark, &Hello::version_min, &Hello::version_max, &Hello::cluster, &Hello::cluster_id,
      &Hello::link, &Hello::has_secret, &Hello::nonce, &Hello::node);
};

struct Challenge {
  std::string mark{kHelloMark};
  uint16_t version_min = 0;
  uint16_t version_max = 0;
  std::string cluster;
  std::string cluster_id;
  std::string nonce;
  NodeFacts node;

  static constexpr auto kFields = std::make_tuple(
      &Challenge::mark, &Challenge::version_min, &Challenge::version_max, &Challenge::cluster,
      &Challenge::cluster_id, &Challenge::nonce, &Challenge::node);
};

// Empty proofs where no secret is configured.
struct Proof {
  std::string proof;
  static constexpr auto kFields = std::make_tuple(&Proof::proof);
};

struct Welcome {
  std::string proof;
  static constexpr auto kFields = std::make_tuple(&Welcome::proof);
};

// Why a node doesn't talk to another. Ordinals are on the wire: append only.
enum class Refusal : uint8_t {
  unspecified,
  other_cluster,   // another cluster's name
  other_version,   // no protocol version in common
  secret,          // one of the two has none, or another one
  other_identity,  // who answers at this address is not who the cluster knows there
  itself,          // the address is the caller's own
  malformed,
  // What the owner may find:
  clock,       // its clock is too far off
  name_taken,  // the holder of its node id is up
  removed,     // it was removed from the cluster
  other_data,  // its data are of another cluster
  not_ready,   // try again later
};

[[nodiscard]] std::string_view name_of(Refusal refusal);

struct Refused {
  uint8_t reason = 0;  // a Refusal; later versions may know more of them
  std::string text;    // for people
  std::string proof;   // empty: the refusing side has not seen a proof either
  static constexpr auto kFields =
      std::make_tuple(&Refused::reason, &Refused::text, &Refused::proof);
};

struct Heartbeat {
  uint64_t sent_ns = 0;  // on the sender's monotonic clock
  static constexpr auto kFields = std::make_tuple(&Heartbeat::sent_ns);
};

struct HeartbeatAck {
  uint64_t sent_ns = 0;  // as it came
  int64_t wall_us = 0;   // the answering node's clock
  static constexpr auto kFields = std::make_tuple(&HeartbeatAck::sent_ns, &HeartbeatAck::wall_us);
};

// HELLO says for which link it is, and heartbeats run on every link: their rows' link is not
// looked at. Ordinals below 10 are the channel's.
using ChannelMessages = MessageTable<
    Row<"HELLO", 1, LinkKind::control, Hello>, Row<"CHALLENGE", 2, LinkKind::control, Challenge>,
    Row<"PROOF", 3, LinkKind::control, Proof>, Row<"WELCOME", 4, LinkKind::control, Welcome>,
    Row<"REFUSED", 5, LinkKind::control, Refused>,
    Row<"HEARTBEAT", 6, LinkKind::control, Heartbeat>,
    Row<"HEARTBEAT-ACK", 7, LinkKind::control, HeartbeatAck>>;

}  // namespace quoris::bus
