// What is said of members, and what becomes of it.
#include <algorithm>

#include "base/planted.h"
#include "cluster/membership/gossip.h"

namespace quoris::membership {

void Gossip::hear(Member& from, const Piggyback& piggyback) {
  const NodeNumber number = from.number;
  const Standing claimed{.boot = piggyback.mine.boot, .incarnation = piggyback.mine.incarnation};
  const bool is_new_life = claimed.boot > from.standing.boot || !from.was_heard();
  if (claimed > from.standing) adopt(from, claimed, {}, number);
  if (is_new_life) correct_newcomer();
  hear_belief(number, piggyback.yours);
  for (const Opinion& opinion : piggyback.opinions) hear_opinion(number, opinion);
  for (const MemberNotes& notes : piggyback.notes) hear_notes(number, notes);
}

// It believes all to be alive that the map has; those who are not it would have to find out by
// itself, one a period.
void Gossip::correct_newcomer() {
  for (const Member& member : members_.all()) {
    if (member.standing.health != Health::alive) corrections_.push_back(member.number);
  }
  owes_answer_ = owes_answer_ || !corrections_.empty();
}

void Gossip::hear_belief(NodeNumber from, const Belief& belief) {
  hear_of_self(from,
               {.boot = belief.boot, .incarnation = belief.incarnation, .health = belief.health});
  const Member& self = members_.self();
  owes_notes_ = self.notes_version > 0 &&
                (belief.boot != self.standing.boot || belief.notes_version < self.notes_version);
}

void Gossip::hear_opinion(NodeNumber from, const Opinion& opinion) {
  const Standing said{
      .boot = opinion.boot, .incarnation = opinion.incarnation, .health = opinion.health};
  if (opinion.member == members_.self().number) {
    hear_of_self(from, said);
    return;
  }
  Member* member = members_.find(opinion.member);
  if (member == nullptr) return;
  const bool is_taken_wrongly = QUORIS_PLANTED("membership: the incarnation is not compared") &&
                                said.boot == member->standing.boot &&
                                said.health > member->standing.health;
  if (said > member->standing || is_taken_wrongly) {
    adopt(*member, said, opinion.accusers, from);
  } else if (said < member->standing) {
    corrections_.push_back(member->number);
  } else if (member->suspicion) {
    bool is_news = false;
    for (const Accuser& accuser : opinion.accusers) {
      is_news = member->suspicion->accuse(accuser) || is_news;
    }
    if (is_news) dissemination_.tell_opinion_of(member->number);
  }
}

void Gossip::hear_of_self(NodeNumber from, Standing said) {
  Member& self = members_.self();
  if (said.boot > self.standing.boot) {
    if (said.boot > superseded_by_) {
      superseded_by_ = said.boot;
      Member later = self;
      later.standing = said;
      emit(EventKind::superseded, later, from);
    }
    return;
  }
  // A claim of ours that we don't remember is overtaken as well as an accusation.
  const bool is_accused = said.health != Health::alive;
  const bool is_ahead = is_accused ? said.incarnation >= self.standing.incarnation
                                   : said.incarnation > self.standing.incarnation;
  if (said.boot < self.standing.boot || !is_ahead) return;
  if (QUORIS_PLANTED("membership: a suspicion is not refuted")) return;
  Standing standing = self.standing;
  standing.incarnation = Incarnation{std::min(raw(said.incarnation) + 1, kCountMax - 1)};
  members_.change(self, standing, now_.monotonic_us);
  dissemination_.tell_opinion_of(self.number);
  owes_answer_ = true;
  if (!is_accused) return;
  figures_.refutations++;
  health_.on_refuted();
  emit(EventKind::accused, self, from);
}

void Gossip::hear_notes(NodeNumber from, const MemberNotes& said) {
  Member* member = members_.find(said.member);
  if (member == nullptr || said.boot != member->standing.boot) return;
  if (said.version <= member->notes_version) return;
  if (member->number == members_.self().number) {
    // Of this life, which does not remember it: ours are told anew, above that.
    member->notes_version = said.version + 1;
  } else {
    member->notes_version = said.version;
    member->notes = said.notes;
    emit(EventKind::notes_changed, *member, from);
  }
  dissemination_.tell_notes_of(member->number);
}

void Gossip::adopt(Member& member, Standing standing, std::span<const Accuser> accusers,
                   NodeNumber told_by) {
  const Standing before = member.standing;
  const bool was_heard = member.was_heard() && before.boot == standing.boot;
  const auto timing = Suspicion::Timing::of(options_, members_.live());
  members_.change(member, standing, now_.monotonic_us);
  dissemination_.tell_opinion_of(member.number);
  if (!was_heard && member.was_heard() && before.health != Health::down) {
    emit(EventKind::joined, member, told_by);
  }
  switch (standing.health) {
    case Health::alive:
      if (before.health == Health::down) emit(EventKind::back, member, told_by);
      if (before.health == Health::suspect) emit(EventKind::refuted, member, told_by);
      break;
    case Health::suspect:
      member.suspicion.emplace(timing, now_.monotonic_us);
      for (const Accuser& accuser : accusers) member.suspicion->accuse(accuser);
      emit(EventKind::suspected, member, told_by);
      if (told_by != members_.self().number) probe_on_hint(member);
      break;
    case Health::down:
      if (before.health != Health::down) emit(EventKind::seems_down, member, told_by);
      probes_.drop(member.number);
      break;
  }
}

}  // namespace quoris::membership
