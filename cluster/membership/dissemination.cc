#include "cluster/membership/dissemination.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "cluster/membership/wire_bytes.h"

namespace quoris::membership {

namespace {

Opinion opinion_of(const Member& member) {
  Opinion opinion{.member = member.number,
                  .boot = member.standing.boot,
                  .incarnation = member.standing.incarnation,
                  .health = member.standing.health,
                  .accusers = {}};
  if (member.suspicion) opinion.accusers = member.suspicion->accusers();
  return opinion;
}

MemberNotes notes_of(const Member& member) {
  return {.member = member.number,
          .boot = member.standing.boot,
          .version = member.notes_version,
          .notes = member.notes};
}

}  // namespace

// A piggyback that grows as long as it may.
struct Dissemination::Filling {
  const MemberTable& members;
  size_t bytes_left = 0;
  Piggyback piggyback;

  template <class Update>
  bool put(std::vector<Update>& list, size_t count_max, Update update) {
    const size_t bytes = wire_bytes(update);
    if (bytes > bytes_left || list.size() == count_max) return false;
    bytes_left -= bytes;
    list.push_back(std::move(update));
    return true;
  }

  bool put_opinion_of(NodeNumber number) {
    const Member* member = members.find(number);
    QUORIS_ASSERT(member != nullptr);
    return put(piggyback.opinions, kOpinionsPerMessageMax, opinion_of(*member));
  }

  // Among those that were put in first.
  [[nodiscard]] bool has_opinion_of(NodeNumber number, size_t first) const {
    const auto begin = piggyback.opinions.begin();
    const auto end = begin + static_cast<std::ptrdiff_t>(first);
    return std::ranges::find(begin, end, number, &Opinion::member) != end;
  }

  bool put_notes_of(NodeNumber number) {
    const Member* member = members.find(number);
    QUORIS_ASSERT(member != nullptr);
    return put(piggyback.notes, kNotesPerMessageMax, notes_of(*member));
  }
};

void Dissemination::forget(NodeNumber member) {
  opinions_.drop(member);
  notes_.drop(member);
}

Piggyback Dissemination::fill(NodeNumber receiver, const Wanted& wanted) {
  Filling filling{.members = members_,
                  .bytes_left = options_.piggyback_bytes,
                  .piggyback = without_news(receiver)};
  const NodeNumber self = members_.self().number;
  if (wanted.our_notes) filling.put_notes_of(self);
  for (const NodeNumber number : wanted.opinions_of) {
    if (!filling.put_opinion_of(number)) break;
  }
  const uint32_t sends = UpdateQueue::sends(options_.retransmit_factor, members_.size());
  const size_t wanted_opinions = filling.piggyback.opinions.size();
  opinions_.take(receiver, sends, [&filling, wanted_opinions](NodeNumber number) {
    return filling.has_opinion_of(number, wanted_opinions) || filling.put_opinion_of(number);
  });
  notes_.take(receiver, sends,
              [&filling](NodeNumber number) { return filling.put_notes_of(number); });
  return std::move(filling.piggyback);
}

Piggyback Dissemination::without_news(NodeNumber receiver) const {
  Piggyback piggyback;
  const Member& self = members_.self();
  piggyback.mine = {.boot = self.standing.boot,
                    .incarnation = self.standing.incarnation,
                    .notes_version = self.notes_version};
  if (const Member* peer = members_.find(receiver)) {
    piggyback.yours = {.boot = peer->standing.boot,
                       .incarnation = peer->standing.incarnation,
                       .health = peer->standing.health,
                       .notes_version = peer->notes_version};
  }
  return piggyback;
}

}  // namespace quoris::membership
