// Gossip: who of the cluster's members seems to be there, and how far their clocks are off.
//
// SWIM's failure detector and its dissemination with Lifeguard's extensions, as a pure core: the
// owner hands in messages, ticks and what it knows of links, and takes messages and events out.
// Members come from the cluster map; gossip spreads opinions of them, and the map's `down` is
// another's decision. No opinion here is a proof.
//
// The channel below is ordered and reliable or broken, unlike the paper's datagrams:
//  - A message to a member whose link is lost is handed out all the same, and the owner drops it: a
//    ping that cannot be sent is a ping that gets no answer.
//  - Loss shows as delay, and what is sent to a member that stalls is read when it goes on. So the
//    suspicion is told to the suspect at once: the news waits in its socket, and is refuted within
//    a round trip of its waking.
//  - A link that breaks is a reason to probe at once, by way of others too. It proves nothing:
//  links
//    break without their process, and stay up without it. Only when all the accusers needed
//    had their links closed by the other side, and none could be made anew, the suspicion is
//    short: a process that stalls keeps its links and its kernel accepts new ones, one that died
//    does not.
//  - After each call see next_due_us(): acks move deadlines, hints bring them near.
//
// Invariants: a member is declared down only after a failed probe, a suspicion told to it, and a
// timeout; nobody is accused for deadlines that passed while this node's own loop stood still
// (note_late). The same calls with the same Rng give the same output.
// Limits: kMemberNumberMax members, kOutgoingMax messages and kEventsMax events between two calls
// of take_output(): beyond that they are dropped and counted; members() always tells the truth.
// Used by: cluster/control, the simulator, tests. Errors: none; what a peer sends is checked, and
// counted where it is refused.
// Sources: SWIM (Das, Gupta, Motivala 2002); Lifeguard (Dadgar, Phillips, Currey 2017). Each piece
// names its section in the file that it stands in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/env.h"
#include "cluster/membership/clock_estimate.h"
#include "cluster/membership/dissemination.h"
#include "cluster/membership/local_health.h"
#include "cluster/membership/member_table.h"
#include "cluster/membership/messages.h"
#include "cluster/membership/moment.h"
#include "cluster/membership/options.h"
#include "cluster/membership/probe_order.h"
#include "cluster/membership/probes.h"
#include "cluster/membership/relays.h"

namespace quoris::membership {

enum class EventKind : uint8_t {
  joined,         // heard of for the first time in this life; `back` if it was down before
  suspected,      //
  refuted,        // suspected no more
  seems_down,     //
  back,           // from seems_down
  notes_changed,  //
  accused,        // somebody suspected this node, or took it for down; it has refuted
  superseded,     // others know a later life of this node: a copied or restored data directory
};

struct Event {
  EventKind kind = EventKind::joined;
  NodeNumber member{};   // of whom
  NodeNumber told_by{};  // this node: found by a probe of its own
  BootNumber boot{};     // after the change
  Incarnation incarnation{};
};

struct Output {
  std::vector<Outgoing> messages;  // in order, per receiver too
  std::vector<Event> events;
};

enum class LinkLoss : uint8_t {
  closed,  // the other side ended it, or refused a new one
  silent,  // ended here: a timeout, a bad frame, a fault
};

class Gossip {
 public:
  static constexpr size_t kOutgoingMax = 4096;
  static constexpr size_t kEventsMax = 4096;

  // Since the start.
  struct Figures {
    uint64_t probes = 0;
    uint64_t probes_failed = 0;
    uint64_t help_asked = 0;   // probes for which others were asked
    uint64_t accusations = 0;  // by this node
    uint64_t declared_down = 0;
    uint64_t refutations = 0;  // of what was said of this node
    uint64_t late = 0;         // times that the loop was late
    uint64_t malformed = 0;    // messages refused
    uint64_t strangers = 0;    // messages of no member
    uint64_t stale_lives = 0;  // messages of an earlier life of a member
    uint64_t dropped = 0;      // messages and events beyond the limits
  };

  // `self` has a boot number from 1. REQUIRES: rng outlives this.
  Gossip(MemberSpec self, const Options& options, Rng& rng, Moment now);

  Gossip(const Gossip&) = delete;
  Gossip& operator=(const Gossip&) = delete;

  // The members of the map, this node or not. REQUIRES: numbers from 1 to 1023, each once.
  void set_members(std::span<const MemberSpec> members, Moment now);

  // What others shall know of this node; the same again is no news.
  void set_notes(const Notes& notes);

  // --- what happens ---------------------------------------------------------------------------
  // Does what is due.
  void tick(Moment now);

  void step(NodeNumber from, const Message& message, Moment now);

  void on_link_made(NodeNumber member, Moment now);
  void on_link_lost(NodeNumber member, LinkLoss loss, Moment now);

  // The owner's loop stood still for `late_us`: this call comes before the tick() and step()s that
  // had to wait. All deadlines move, as if the clock had stood still too.
  void note_late(uint64_t late_us, Moment now);

  [[nodiscard]] Output take_output();

  // When tick() is to be called next, at the latest (monotonic).
  [[nodiscard]] uint64_t next_due_us() const;

  // --- what is known --------------------------------------------------------------------------
  // In the order of their numbers, this node among them.
  [[nodiscard]] std::span<const Member> members() const { return members_.all(); }

  // Null for a number that is no member.
  [[nodiscard]] const Member* find(NodeNumber member) const { return members_.find(member); }

  // Of another member; nothing without a recent sample.
  [[nodiscard]] std::optional<ClockEstimate::Reading> clock(NodeNumber member, Moment now) const;

  // The median of the members' wall clocks, this one among them, less this node's. Nothing unless
  // a majority of the members is known, and not down, nor if one half of the clocks differs from
  // the other by more than `doubt_us`.
  [[nodiscard]] std::optional<int64_t> clock_offset_us(Moment now, uint64_t doubt_us) const;

  [[nodiscard]] const Figures& figures() const { return figures_; }

  // 0: well.
  [[nodiscard]] uint32_t local_health() const { return health_.score(); }

  // Members of whom there is news to tell.
  [[nodiscard]] size_t news() const { return dissemination_.size(); }

 private:
  // --- messages (gossip.cc)
  void answer_stranger(NodeNumber from, const Message& message);
  void on_message(Member& from, const Ping& ping);
  void on_message(Member& from, const Ack& ack);
  void on_message(Member& from, const PingRequest& request);
  void on_message(Member& from, const RelayedAck& ack);
  void on_message(Member& from, const Nack& nack);
  void on_message(Member& from, const Rumors& rumors);
  void send(NodeNumber to, Message message);
  [[nodiscard]] Piggyback piggyback(NodeNumber to);
  [[nodiscard]] Piggyback answer_to(NodeNumber from);
  void tell(NodeNumber to);
  void emit(EventKind kind, const Member& member, NodeNumber told_by);

  // --- probes (gossip_probes.cc)
  [[nodiscard]] bool is_only_coming(const Member& member) const;
  void begin_due_probes();
  void begin_probe(Member& target);
  void probe_on_hint(Member& target);
  void ask_others(Probe& probe);
  void on_probe_failed(const Probe& probe);
  void accuse(Member& member);
  void tell_rumors_when_due();
  template <class Wanted>
  [[nodiscard]] std::vector<NodeNumber> pick(size_t count, Wanted wanted);

  // --- opinions (gossip_opinions.cc)
  void hear(Member& from, const Piggyback& piggyback);
  void correct_newcomer();
  void hear_belief(NodeNumber from, const Belief& belief);
  void hear_opinion(NodeNumber from, const Opinion& opinion);
  void hear_of_self(NodeNumber from, Standing said);
  void hear_notes(NodeNumber from, const MemberNotes& said);
  void adopt(Member& member, Standing standing, std::span<const Accuser> accusers,
             NodeNumber told_by);

  const Options options_;
  Rng& rng_;
  Moment now_;
  MemberTable members_;
  Dissemination dissemination_;
  LocalHealth health_;
  ProbeOrder order_;
  ProbeOrder down_order_;
  Probes probes_;
  Relays relays_;
  Figures figures_;
  Output output_;

  uint64_t sequence_;  // of the last ping or request
  uint64_t next_probe_us_;
  uint64_t next_down_probe_us_;
  uint64_t next_rumors_us_;
  BootNumber superseded_by_{};

  // While a message is handled.
  std::vector<NodeNumber> corrections_;  // of whom its sender knows less than we
  bool owes_answer_ = false;             // it is to hear of us, by an ack or else by rumors
  bool owes_notes_ = false;

  std::vector<NodeNumber> candidates_;  // scratch
};

}  // namespace quoris::membership
