// What members say to each other about who is there.
//
// Every message carries a Piggyback: what the sender claims of itself, what it believes of the
// receiver (Lifeguard's buddy system), and news about others, bounded in bytes. So there are no
// messages of a join or a failure, only opinions that travel with what is sent anyway.
// The channel derives encoding and decoding from kFields. What comes from a peer is checked by
// Gossip::step before it is used: enum values, sizes, known members.
// Sources: SWIM (Das, Gupta, Motivala 2002) 3.1 ping, ping-req, ack; 4.1 piggyback; 4.2
// incarnations. Lifeguard (Dadgar, Phillips, Currey 2017) IV-A nack, IV-C buddy system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <variant>
#include <vector>

#include "base/ids.h"

namespace quoris::membership {

// Limits on what a peer may send; a message beyond one of them is refused as a whole.
inline constexpr size_t kOpinionsPerMessageMax = 128;
inline constexpr size_t kNotesPerMessageMax = 32;
inline constexpr size_t kAccusersMax = 4;  // Lifeguard's K of 3 confirmations, and who began

// Counters of a life beyond this are nobody's honest count: taken over, they could not be raised.
inline constexpr uint64_t kCountMax = uint64_t{1} << 62;

enum class Health : uint8_t { alive, suspect, down };

// Who has found out by a probe of its own that a member does not answer.
struct Accuser {
  NodeNumber member{};
  // Its link to the accused was ended by the other side, and no new one could be made: a process
  // that merely stalls keeps its links. A hint that shortens the suspicion, never a proof.
  bool link_closed = false;

  static constexpr auto kFields = std::make_tuple(&Accuser::member, &Accuser::link_closed);

  bool operator==(const Accuser&) const = default;
};

// "This life of this member is in such health", as somebody found and others pass on.
struct Opinion {
  NodeNumber member{};
  BootNumber boot{};
  Incarnation incarnation{};  // only the member itself raises it
  Health health = Health::alive;
  std::vector<Accuser> accusers;  // of a suspicion

  static constexpr auto kFields =
      std::make_tuple(&Opinion::member, &Opinion::boot, &Opinion::incarnation, &Opinion::health,
                      &Opinion::accusers);
};

// What others want to know of a member, published by itself. Gossip carries it and does not look
// into it.
struct Notes {
  static constexpr uint32_t kDiskFailing = 1U << 0;
  static constexpr uint32_t kLeaving = 1U << 1;
  static constexpr uint32_t kClockKnown = 1U << 2;  // clock_offset_us says something

  uint64_t map_version = 0;     // of the cluster map that it has applied
  int64_t clock_offset_us = 0;  // of its wall clock to a majority's, as it estimated it
  uint32_t flags = 0;           // kDiskFailing ...
  uint64_t keys = 0;            // that it holds, not long ago

  static constexpr auto kFields =
      std::make_tuple(&Notes::map_version, &Notes::clock_offset_us, &Notes::flags, &Notes::keys);

  bool operator==(const Notes&) const = default;
};

struct MemberNotes {
  NodeNumber member{};
  BootNumber boot{};
  uint64_t version = 0;  // counts the changes within a life
  Notes notes;

  static constexpr auto kFields = std::make_tuple(&MemberNotes::member, &MemberNotes::boot,
                                                  &MemberNotes::version, &MemberNotes::notes);
};

// What the sender says of itself, first hand.
struct Claim {
  BootNumber boot{};
  Incarnation incarnation{};
  uint64_t notes_version = 0;

  static constexpr auto kFields =
      std::make_tuple(&Claim::boot, &Claim::incarnation, &Claim::notes_version);
};

// What the sender believes of the receiver. All zero: it does not know it (its map is older).
struct Belief {
  BootNumber boot{};
  Incarnation incarnation{};
  Health health = Health::alive;
  uint64_t notes_version = 0;  // which notes of the receiver it has

  static constexpr auto kFields =
      std::make_tuple(&Belief::boot, &Belief::incarnation, &Belief::health, &Belief::notes_version);
};

struct Piggyback {
  Claim mine;
  Belief yours;
  std::vector<Opinion> opinions;
  std::vector<MemberNotes> notes;

  static constexpr auto kFields =
      std::make_tuple(&Piggyback::mine, &Piggyback::yours, &Piggyback::opinions, &Piggyback::notes);
};

struct Ping {
  uint64_t sequence = 0;
  Piggyback piggyback;

  static constexpr auto kFields = std::make_tuple(&Ping::sequence, &Ping::piggyback);
};

struct Ack {
  uint64_t sequence = 0;  // the ping's
  int64_t wall_us = 0;    // the sender's wall clock when it answered
  Piggyback piggyback;

  static constexpr auto kFields = std::make_tuple(&Ack::sequence, &Ack::wall_us, &Ack::piggyback);
};

// Asks the receiver to ping `target`; answered by RelayedAck, or Nack when that takes too long.
struct PingRequest {
  uint64_t sequence = 0;
  NodeNumber target{};
  Piggyback piggyback;

  static constexpr auto kFields =
      std::make_tuple(&PingRequest::sequence, &PingRequest::target, &PingRequest::piggyback);
};

// The target of a PingRequest has answered.
struct RelayedAck {
  uint64_t sequence = 0;  // the request's
  Piggyback piggyback;

  static constexpr auto kFields = std::make_tuple(&RelayedAck::sequence, &RelayedAck::piggyback);
};

// The target has not answered yet, but the helper is well, and so is the way to it.
struct Nack {
  uint64_t sequence = 0;  // the request's
  Piggyback piggyback;

  static constexpr auto kFields = std::make_tuple(&Nack::sequence, &Nack::piggyback);
};

// News that would not wait for the next ping.
struct Rumors {
  Piggyback piggyback;

  static constexpr auto kFields = std::make_tuple(&Rumors::piggyback);
};

using Message = std::variant<Ping, Ack, PingRequest, RelayedAck, Nack, Rumors>;

struct Outgoing {
  NodeNumber to{};
  Message message;
};

}  // namespace quoris::membership
