// The channel's knobs and limits.
//
// Used by: Connection, Bus, whoever makes a Bus.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cluster/bus/link_kind.h"

namespace quoris::bus {

// Largest frame as it stands on the wire. Larger values go in chunks on the bulk link. A larger
// limit holds up what waits behind a frame; at 1 GBit/s this one takes 8 ms.
inline constexpr size_t kFrameBytesMax = size_t{1} << 20;

// Memory of a link's reader: a frame under way, with the room that grows by doubling, and what was
// read behind it in one turn. A link that needs more is closed.
inline constexpr size_t kReaderBytesMax = 8 * kFrameBytesMax;

// While so much waits to be handled (turns that serve the control link alone) nothing is read.
inline constexpr size_t kReadAheadBytes = 2 * kFrameBytesMax;

// What a peer may send before it has proved itself, all in all, and in one element.
inline constexpr size_t kStrangerBytesMax = size_t{16} << 10;
inline constexpr size_t kStrangerElementMax = 2048;

// What waits for a socket; at the limit a message is not taken, counted, and the sender told.
struct QueueLimit {
  size_t bytes = 0;
  size_t messages = 0;
};

struct BusOptions {
  // Each link, so often. Costs two small messages; a link that broke without a word is noticed
  // after silence_us, which should be some heartbeats, for one may be late. Data and bulk are not
  // served while a long command runs, the control link is; when it is silent, the others go too.
  // So the control link often enough to find out, the others seldom: they go with it.
  std::array<uint64_t, kLinkKinds.size()> heartbeat_us{500'000, 2'500'000, 2'500'000};
  std::array<uint64_t, kLinkKinds.size()> silence_us{2'000'000, 10'000'000, 10'000'000};

  // From the call to the connection (all addresses of a name), and from there to WELCOME, which
  // takes two round trips: peers farther away than half of that don't get together. A handshake
  // that was begun while the network was cut hangs until its end, and so long a peer is missed that
  // could be heard again.
  uint64_t connect_us = 3'000'000;
  uint64_t handshake_us = 1'000'000;
  // Who calls here, which may be a person with redis-cli, has so long to prove who it is; a
  // connection that was given its last words so long to take them.
  uint64_t greeting_us = 3'000'000;

  // Wait before the n-th new attempt: min * 2^n up to max, of that a random half to all, so that
  // nodes which lost the same peer don't return in step. A larger max: fewer packets to the dead,
  // a longer wait for the revived.
  uint64_t backoff_min_us = 50'000;
  uint64_t backoff_max_us = 1'000'000;
  // After a refusal: somebody has to change something first.
  uint64_t refused_backoff_us = 2'000'000;

  // A heartbeat is not answered while more than that waits to be sent: who reads nothing and beats
  // on would fill the memory otherwise.
  size_t unanswered_bytes_max = size_t{64} << 10;

  // How often deadlines are looked at: they are late by that much at most.
  uint64_t tick_us = 50'000;

  // control: what is beyond is lost, its protocols repeat. data: the sender answers its request
  // with an error, or refills the gap later. bulk: the sender waits for on_room().
  std::array<QueueLimit, kLinkKinds.size()> queues{
      {{.bytes = size_t{8} << 20, .messages = 10'000},
       {.bytes = size_t{64} << 20, .messages = 200'000},
       {.bytes = size_t{16} << 20, .messages = 1'000}}};

  // Connections whose peer has not proved itself; beyond, the oldest is closed.
  size_t strangers_max = 64;
  // Peers that are no members (newcomers); beyond, no more are admitted.
  size_t guests_max = 64;

  // Messages that fault rules hold back; beyond, they are dropped.
  size_t held_max = 100'000;
};

}  // namespace quoris::bus
