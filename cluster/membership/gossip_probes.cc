// The failure detector: who is probed when, and what follows when no answer comes.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "cluster/membership/gossip.h"

namespace quoris::membership {

// Let in a moment ago and not heard yet: it has to hear of that itself, keep it, and make its
// links.
bool Gossip::is_only_coming(const Member& member) const {
  return !member.was_heard() && now_.monotonic_us < member.since_us + options_.probe_period_us;
}

void Gossip::begin_due_probes() {
  const NodeNumber self = members_.self().number;
  if (next_probe_us_ <= now_.monotonic_us) {
    next_probe_us_ = now_.monotonic_us + health_.scale(options_.probe_period_us);
    const auto target = order_.next(rng_, [this, self](NodeNumber number) {
      const Member& member = *members_.find(number);
      return number != self && !member.is_down() && probes_.of(number) == nullptr &&
             !is_only_coming(member);
    });
    if (target) begin_probe(*members_.find(*target));
  }
  if (next_down_probe_us_ <= now_.monotonic_us) {
    next_down_probe_us_ = now_.monotonic_us + options_.down_probe_period_us;
    if (members_.live() == members_.size()) return;
    const auto target = down_order_.next(rng_, [this](NodeNumber number) {
      return members_.find(number)->is_down() && probes_.of(number) == nullptr;
    });
    if (target) begin_probe(*members_.find(*target));
  }
}

void Gossip::begin_probe(Member& target) {
  if (probes_.full()) return;
  figures_.probes++;
  Probe probe;
  probe.sequence = ++sequence_;
  probe.target = target.number;
  probe.sent_us = now_.monotonic_us;
  probe.until_us = now_.monotonic_us + health_.scale(options_.probe_period_us);
  // A member that is down for all is not worth the others' trouble.
  probe.ask_at_us =
      target.is_down() ? kNever : now_.monotonic_us + health_.scale(options_.ping_timeout_us);
  send(target.number, Ping{.sequence = probe.sequence, .piggyback = piggyback(target.number)});
  if (target.link_is_lost() && !target.is_down()) ask_others(probe);
  probes_.add(std::move(probe));
}

void Gossip::probe_on_hint(Member& target) {
  if (probes_.of(target.number) != nullptr) return;
  const size_t members = members_.size();
  if (members > options_.hint_probes && rng_.below(members) >= options_.hint_probes) return;
  begin_probe(target);
}

void Gossip::ask_others(Probe& probe) {
  probe.ask_at_us = kNever;
  if (QUORIS_PLANTED("membership: no indirect probes")) return;
  figures_.help_asked++;
  probe.helpers = pick(options_.indirect_probes, [&probe](const Member& member) {
    return member.number != probe.target && member.standing.health == Health::alive &&
           !member.link_is_lost();
  });
  probe.silent_helpers = probe.helpers;
  for (const NodeNumber helper : probe.helpers) {
    send(helper,
         PingRequest{
             .sequence = probe.sequence, .target = probe.target, .piggyback = piggyback(helper)});
  }
}

void Gossip::on_probe_failed(const Probe& probe) {
  figures_.probes_failed++;
  Member& target = *members_.find(probe.target);
  if (target.is_down()) return;
  health_.on_probe_failed(static_cast<uint32_t>(probe.helpers.size()),
                          static_cast<uint32_t>(probe.silent_helpers.size()));
  accuse(target);
}

void Gossip::accuse(Member& member) {
  // A link says something only of a life that was seen.
  const Accuser self{.member = members_.self().number,
                     .link_closed = member.link == Link::closed && member.was_heard()};
  if (member.suspicion) {
    if (!member.suspicion->accuse(self)) return;
    dissemination_.tell_opinion_of(member.number);
  } else {
    Standing standing = member.standing;
    standing.health = Health::suspect;
    adopt(member, standing, {&self, 1}, self.member);
  }
  figures_.accusations++;
  tell(member.number);
}

void Gossip::tell_rumors_when_due() {
  if (!dissemination_.has_opinions() || members_.live() < 2) return;
  if (next_rumors_us_ > now_.monotonic_us) return;
  next_rumors_us_ = now_.monotonic_us + options_.rumor_period_us;
  const auto receivers = pick(options_.rumor_fanout, [](const Member& member) {
    return !member.is_down() && !member.link_is_lost();
  });
  for (const NodeNumber receiver : receivers) tell(receiver);
}

// So many members, or all there are, that are `wanted`; not this node; in random order.
template <class Wanted>
std::vector<NodeNumber> Gossip::pick(size_t count, Wanted wanted) {
  candidates_.clear();
  for (const Member& member : members_.all()) {
    if (member.number != members_.self().number && wanted(member)) {
      candidates_.push_back(member.number);
    }
  }
  const size_t picked = std::min(count, candidates_.size());
  for (size_t i = 0; i < picked; ++i) {
    std::swap(candidates_[i], candidates_[i + rng_.below(candidates_.size() - i)]);
  }
  return {candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(picked)};
}

}  // namespace quoris::membership
