#include "cluster/membership/gossip.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/planted.h"

namespace quoris::membership {

namespace {

bool is_member_number(NodeNumber number) {
  return raw(number) >= 1 && raw(number) <= kMemberNumberMax;
}

bool is_sound(BootNumber boot, Incarnation incarnation) {
  return raw(boot) < kCountMax && raw(incarnation) < kCountMax;
}

bool is_sound(Health health) { return health <= Health::down; }

bool is_sound(const Opinion& opinion) {
  return is_member_number(opinion.member) && is_sound(opinion.boot, opinion.incarnation) &&
         is_sound(opinion.health) && opinion.accusers.size() <= kAccusersMax;
}

bool is_sound(const MemberNotes& notes) {
  return is_member_number(notes.member) && is_sound(notes.boot, {}) && notes.version < kCountMax;
}

// What a peer sent is within the limits and the values that there are.
bool is_sound(const Piggyback& piggyback) {
  const auto sound = [](const auto& update) { return is_sound(update); };
  return is_sound(piggyback.mine.boot, piggyback.mine.incarnation) &&
         is_sound(piggyback.yours.boot, piggyback.yours.incarnation) &&
         is_sound(piggyback.yours.health) && piggyback.yours.notes_version < kCountMax &&
         piggyback.opinions.size() <= kOpinionsPerMessageMax &&
         piggyback.notes.size() <= kNotesPerMessageMax &&
         std::ranges::all_of(piggyback.opinions, sound) &&
         std::ranges::all_of(piggyback.notes, sound);
}

const Piggyback& piggyback_of(const Message& message) {
  return std::visit([](const auto& kind) -> const Piggyback& { return kind.piggyback; }, message);
}

}  // namespace

Gossip::Gossip(MemberSpec self, const Options& options, Rng& rng, Moment now)
    : options_(options),
      rng_(rng),
      now_(now),
      members_(self, now.monotonic_us),
      dissemination_(options_, members_),
      health_(options.local_health_max),
      // From anywhere: an answer to an earlier life is no answer to this one.
      sequence_(rng.next() >> 8),
      next_probe_us_(now.monotonic_us + rng.below(options.probe_period_us)),
      next_down_probe_us_(now.monotonic_us + rng.below(options.down_probe_period_us)),
      next_rumors_us_(now.monotonic_us) {
  options_.check();
  QUORIS_ASSERT(raw(self.boot) >= 1);
  dissemination_.tell_opinion_of(self.number);
}

void Gossip::set_members(std::span<const MemberSpec> members, Moment now) {
  now_ = now;
  const MemberTable::Change change = members_.set(members, now.monotonic_us);
  for (const NodeNumber gone : change.gone) {
    dissemination_.forget(gone);
    probes_.drop(gone);
    relays_.drop(gone);
    order_.remove(gone);
    down_order_.remove(gone);
  }
  for (const NodeNumber came : change.came) {
    order_.add(came, rng_);
    down_order_.add(came, rng_);
  }
  tell_rumors_when_due();
}

void Gossip::set_notes(const Notes& notes) {
  Member& self = members_.self();
  if (self.notes_version > 0 && self.notes == notes) return;
  self.notes = notes;
  self.notes_version++;
  dissemination_.tell_notes_of(self.number);
}

void Gossip::tick(Moment now) {
  now_ = now;
  while (const auto relay = relays_.to_nack(now.monotonic_us)) {
    send(relay->origin,
         Nack{.sequence = relay->origin_sequence, .piggyback = piggyback(relay->origin)});
  }
  relays_.expire(now.monotonic_us);
  while (Probe* probe = probes_.to_ask(now.monotonic_us)) ask_others(*probe);
  while (const auto probe = probes_.take_failed(now.monotonic_us)) on_probe_failed(*probe);

  const std::vector<NodeNumber> suspects(members_.suspects().begin(), members_.suspects().end());
  for (const NodeNumber number : suspects) {
    Member& suspect = *members_.find(number);
    if (suspect.suspicion->deadline_us() > now.monotonic_us) continue;
    figures_.declared_down++;
    Standing standing = suspect.standing;
    standing.health = Health::down;
    adopt(suspect, standing, {}, members_.self().number);
  }
  begin_due_probes();
  tell_rumors_when_due();
}

void Gossip::step(NodeNumber from, const Message& message, Moment now) {
  now_ = now;
  if (!is_sound(piggyback_of(message))) {
    figures_.malformed++;
    return;
  }
  Member* sender = members_.find(from);
  const bool is_known = sender != nullptr && from != members_.self().number;
  if (!is_known || piggyback_of(message).mine.boot < sender->standing.boot) {
    is_known ? figures_.stale_lives++ : figures_.strangers++;
    answer_stranger(from, message);
    return;
  }
  corrections_.clear();
  owes_answer_ = false;
  owes_notes_ = false;
  hear(*sender, piggyback_of(message));
  std::visit([this, sender](const auto& kind) { on_message(*sender, kind); }, message);
  if (owes_answer_) send(from, Rumors{.piggyback = answer_to(from)});
  tell_rumors_when_due();
}

void Gossip::on_link_made(NodeNumber member, Moment now) {
  now_ = now;
  Member* known = members_.find(member);
  if (known == nullptr || member == members_.self().number) return;
  known->link = Link::up;
  if (Probe* probe = probes_.of(member)) {
    // The ping went down with the old link. Another sequence: a late ack of the old one would make
    // the round trip look shorter than it was.
    probe->sequence = ++sequence_;
    probe->sent_us = now.monotonic_us;
    send(member, Ping{.sequence = probe->sequence, .piggyback = piggyback(member)});
  } else if (known->standing.health != Health::alive) {
    probe_on_hint(*known);
  }
  tell_rumors_when_due();
}

void Gossip::on_link_lost(NodeNumber member, LinkLoss loss, Moment now) {
  now_ = now;
  Member* known = members_.find(member);
  if (known == nullptr || member == members_.self().number) return;
  const bool was_lost = known->link_is_lost();
  known->link = loss == LinkLoss::closed ? Link::closed : Link::silent;
  if (Probe* probe = probes_.of(member)) {
    if (probe->ask_at_us != kNever) ask_others(*probe);
  } else if (!was_lost && !known->is_down()) {
    probe_on_hint(*known);
  }
  tell_rumors_when_due();
}

void Gossip::note_late(uint64_t late_us, Moment now) {
  now_ = now;
  if (QUORIS_PLANTED("membership: a late loop is ignored")) return;
  figures_.late++;
  if (late_us >= options_.late_threshold_us) health_.on_late();
  // What has come meanwhile is perhaps read only after the next ticks.
  const uint64_t earliest_us = now.monotonic_us + std::min(late_us, options_.ping_timeout_us);
  probes_.delay(late_us, earliest_us);
  for (const NodeNumber number : members_.suspects()) {
    members_.find(number)->suspicion->delay(late_us, earliest_us);
  }
}

Output Gossip::take_output() { return std::exchange(output_, {}); }

uint64_t Gossip::next_due_us() const {
  uint64_t due_us = std::min(probes_.next_due_us(), relays_.next_due_us());
  for (const NodeNumber number : members_.suspects()) {
    due_us = std::min(due_us, members_.find(number)->suspicion->deadline_us());
  }
  if (members_.live() > 1) due_us = std::min(due_us, next_probe_us_);
  if (members_.live() < members_.size()) due_us = std::min(due_us, next_down_probe_us_);
  if (dissemination_.has_opinions() && members_.live() > 1) {
    due_us = std::min(due_us, next_rumors_us_);
  }
  return due_us;
}

std::optional<ClockEstimate::Reading> Gossip::clock(NodeNumber member, Moment now) const {
  const Member* known = members_.find(member);
  if (known == nullptr) return std::nullopt;
  return known->clock.read(now, options_);
}

std::optional<int64_t> Gossip::clock_offset_us(Moment now, uint64_t doubt_us) const {
  std::vector<int64_t> offsets_us;
  for (const Member& member : members_.all()) {
    if (member.is_down() || member.number == members_.self().number) continue;
    if (const auto reading = member.clock.read(now, options_)) {
      offsets_us.push_back(reading->offset_us);
    }
  }
  return median_offset_us(std::move(offsets_us), members_.size(), doubt_us);
}

// Somebody of a newer map than ours, or of an older one, or an old life of a member: a peer of the
// channel, so it gets its ack, or it would suspect us; but its news is not to be trusted.
void Gossip::answer_stranger(NodeNumber from, const Message& message) {
  const auto* ping = std::get_if<Ping>(&message);
  if (ping == nullptr) return;
  send(from, Ack{.sequence = ping->sequence,
                 .wall_us = now_.wall_us,
                 .piggyback = dissemination_.without_news(from)});
}

void Gossip::on_message(Member& from, const Ping& ping) {
  owes_answer_ = false;
  send(
      from.number,
      Ack{.sequence = ping.sequence, .wall_us = now_.wall_us, .piggyback = answer_to(from.number)});
}

void Gossip::on_message(Member& from, const Ack& ack) {
  if (const auto probe = probes_.take_acked(ack.sequence, from.number)) {
    health_.on_probe_succeeded();
    from.clock.add(probe->sent_us, ack.wall_us, now_, options_);
  } else if (const auto relay = relays_.take_acked(ack.sequence, from.number)) {
    send(relay->origin,
         RelayedAck{.sequence = relay->origin_sequence, .piggyback = piggyback(relay->origin)});
  }
}

void Gossip::on_message(Member& from, const PingRequest& request) {
  const Member* target = members_.find(request.target);
  const bool is_ours = target != nullptr && request.target != members_.self().number &&
                       request.target != from.number;
  if (!is_ours || relays_.has(from.number, request.sequence)) return;
  if (relays_.full()) {
    send(from.number, Nack{.sequence = request.sequence, .piggyback = piggyback(from.number)});
    return;
  }
  const uint64_t nack_after_us = options_.ping_timeout_us * options_.nack_percent / 100;
  relays_.add({.origin = from.number,
               .origin_sequence = request.sequence,
               .target = request.target,
               .sequence = ++sequence_,
               .nack_at_us = now_.monotonic_us + nack_after_us,
               .until_us = now_.monotonic_us + options_.probe_period_us});
  send(request.target, Ping{.sequence = sequence_, .piggyback = piggyback(request.target)});
}

void Gossip::on_message(Member& from, const RelayedAck& ack) {
  if (probes_.take_relayed(ack.sequence, from.number)) health_.on_probe_succeeded();
}

void Gossip::on_message(Member& from, const Nack& nack) {
  probes_.on_nack(nack.sequence, from.number);
}

void Gossip::on_message(Member& /*from*/, const Rumors& /*rumors*/) {}

void Gossip::send(NodeNumber to, Message message) {
  if (output_.messages.size() == kOutgoingMax) {
    figures_.dropped++;
    return;
  }
  output_.messages.push_back({.to = to, .message = std::move(message)});
}

// News is counted as told when it is handed out, so it is not given to whom it hardly reaches.
Piggyback Gossip::piggyback(NodeNumber to) {
  const Member& receiver = *members_.find(to);
  if (receiver.is_down() || receiver.link_is_lost()) return dissemination_.without_news(to);
  return dissemination_.fill(to, {});
}

// What the sender of the message at hand has shown to need comes first.
Piggyback Gossip::answer_to(NodeNumber from) {
  return dissemination_.fill(from, {.opinions_of = corrections_, .our_notes = owes_notes_});
}

void Gossip::tell(NodeNumber to) { send(to, Rumors{.piggyback = piggyback(to)}); }

void Gossip::emit(EventKind kind, const Member& member, NodeNumber told_by) {
  if (output_.events.size() == kEventsMax) {
    figures_.dropped++;
    return;
  }
  output_.events.push_back({.kind = kind,
                            .member = member.number,
                            .told_by = told_by,
                            .boot = member.standing.boot,
                            .incarnation = member.standing.incarnation});
}

}  // namespace quoris::membership
