// LeaseRounds: when a leader sent which round of heartbeats, so that it knows until when a majority
// that has answered a round elects nobody else.
//
// A follower that hears a round stays quiet for a minimum election timeout from then on by its own
// clock; the leader counts from the sending, which came before, and takes off what the clocks may
// drift apart meanwhile. So the leader's lease ends first.
// Limit: the last kRoundsMax rounds; the answer to an older one says nothing.
// Used by: Raft, one per term of a leader. Pure. Sources: thesis, section 6.4.1.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace quoris::raft {

// The duration of which a holder may be sure while another's clock, that runs faster by up to
// `drift_permille` thousandths in all, measures `us`.
[[nodiscard]] constexpr uint64_t shortened(uint64_t us, uint64_t drift_permille) {
  return us - us * drift_permille / 1000;
}

// The duration to wait by one's own clock until another's has surely measured `us`.
[[nodiscard]] constexpr uint64_t lengthened(uint64_t us, uint64_t drift_permille) {
  return us + us * drift_permille / (1000 - drift_permille) + 1;
}

class LeaseRounds {
 public:
  static constexpr size_t kRoundsMax = 64;

  // Begins a round; its number, from 1 on.
  uint64_t begin(uint64_t now_us) {
    sent_us_.push_back(now_us);
    if (sent_us_.size() > kRoundsMax) sent_us_.pop_front();
    return ++last_;
  }

  [[nodiscard]] uint64_t last() const { return last_; }

  // Nothing if it was never sent, or too long ago.
  [[nodiscard]] std::optional<uint64_t> sent_us(uint64_t round) const {
    if (round > last_ || last_ - round >= sent_us_.size()) return std::nullopt;
    return sent_us_[sent_us_.size() - 1 - (last_ - round)];
  }

 private:
  std::deque<uint64_t> sent_us_;
  uint64_t last_ = 0;
};

}  // namespace quoris::raft
