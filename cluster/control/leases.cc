#include "cluster/control/leases.h"

#include <algorithm>

#include "base/planted.h"

namespace quoris::control {

uint64_t LeaseHolder::ask(uint64_t now_us) {
  asked_.emplace(++last_sequence_, now_us);
  if (asked_.size() > kAskedMax) asked_.erase(asked_.begin());
  return last_sequence_;
}

void LeaseHolder::on_grant(const LeaseGrant& grant, uint64_t drift_permille) {
  const auto asked = asked_.find(grant.sequence);
  if (asked == asked_.end() || grant.term < term_) return;
  const uint64_t until_us = asked->second + shortened(grant.duration_us, drift_permille);
  asked_.erase(asked_.begin(), std::next(asked));
  if (grant.duration_us == 0) return;
  // Of a new leader: the old one's grant has run out before this one was made, or counts on.
  term_ = grant.term;
  if (until_us <= until_us_) return;
  until_us_ = until_us;
  needs_ = grant.map_version;
}

void LeaseHolder::take(Term term, uint64_t until_us, LogIndex map_version) {
  term_ = std::max(term_, term);
  if (until_us <= until_us_) return;
  until_us_ = until_us;
  needs_ = map_version;
}

uint64_t LeaseHolder::until_us(LogIndex applied) const { return applied >= needs_ ? until_us_ : 0; }

uint64_t LeaseGrants::grant(NodeNumber node, uint64_t now_us, uint64_t own_until_us) {
  Grant& grant = grants_[node];
  if (grant.is_withheld &&
      !QUORIS_PLANTED("control: a lease goes on while a node is declared down")) {
    return 0;
  }
  if (own_until_us <= now_us) return 0;
  grant.until_us = std::max(grant.until_us, own_until_us);
  return own_until_us - now_us;
}

bool LeaseGrants::is_withheld(NodeNumber node) const {
  const auto found = grants_.find(node);
  return found != grants_.end() && found->second.is_withheld;
}

bool LeaseGrants::is_over(NodeNumber node, uint64_t now_us) const {
  return left_us(node, now_us) == 0;
}

uint64_t LeaseGrants::left_us(NodeNumber node, uint64_t now_us) const {
  if (QUORIS_PLANTED("control: a lease is not waited for")) return 0;
  const auto found = grants_.find(node);
  if (found == grants_.end() || found->second.until_us <= now_us) return 0;
  return found->second.until_us - now_us;
}

}  // namespace quoris::control
