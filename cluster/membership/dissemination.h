// What a message carries beside its purpose: who we are, what we believe of its receiver, and as
// much news of others as fits.
//
// Every message tells its receiver what is believed of it, so a suspect learns that it is suspected
// from whoever speaks to it first (Lifeguard's buddy system). Opinions come before notes: what is
// urgent is never behind what is only good to know.
// Limits: Options::piggyback_bytes per message, the counts of messages.h.
// Used by: Gossip. Pure.
// Sources: SWIM (Das et al. 2002) 4.1, piggybacking; Lifeguard (2017) IV-C, buddy system.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cluster/membership/member_table.h"
#include "cluster/membership/messages.h"
#include "cluster/membership/options.h"
#include "cluster/membership/update_queue.h"

namespace quoris::membership {

class Dissemination {
 public:
  // REQUIRES: `options` and `members` outlive this.
  Dissemination(const Options& options, const MemberTable& members)
      : options_(options), members_(members) {}

  void tell_opinion_of(NodeNumber member) { opinions_.push(member); }

  void tell_notes_of(NodeNumber member) { notes_.push(member); }

  void forget(NodeNumber member);

  [[nodiscard]] bool has_opinions() const { return !opinions_.empty(); }

  [[nodiscard]] size_t size() const { return opinions_.size() + notes_.size(); }

  // What the receiver has shown to need, before what is due.
  struct Wanted {
    std::span<const NodeNumber> opinions_of;
    bool our_notes = false;
  };

  [[nodiscard]] Piggyback fill(NodeNumber receiver, const Wanted& wanted);

  // Who we are and what we believe of the receiver: for one that would not get the news, or whom
  // it is no business of.
  [[nodiscard]] Piggyback without_news(NodeNumber receiver) const;

 private:
  struct Filling;

  const Options& options_;
  const MemberTable& members_;
  UpdateQueue opinions_;
  UpdateQueue notes_;
};

}  // namespace quoris::membership
