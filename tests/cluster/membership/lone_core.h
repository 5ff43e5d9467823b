// One Gossip core, number 1, whose peers the test plays itself.
//
// Used by: tests of membership that are about single messages.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "cluster/membership/gossip.h"
#include "sim/env/sim_env.h"

namespace quoris::membership {

constexpr NodeNumber node(uint16_t number) { return static_cast<NodeNumber>(number); }

class LoneCore {
 public:
  static constexpr NodeNumber kSelf = node(1);
  static constexpr BootNumber kBoot{3};  // of all

  explicit LoneCore(uint16_t members, const Options& options = {}, uint64_t seed = 1)
      : rng_(seed), core_({.number = kSelf, .boot = kBoot}, options, rng_, moment()) {
    std::vector<MemberSpec> map;
    for (uint16_t i = 1; i <= members; ++i) map.push_back({.number = node(i), .boot = kBoot});
    core_.set_members(map, moment());
    take();
  }

  [[nodiscard]] Gossip& core() { return core_; }

  [[nodiscard]] Moment moment() const { return {.monotonic_us = now_us_, .wall_us = wall_us_}; }

  [[nodiscard]] const Standing& standing(NodeNumber number) const {
    return core_.find(number)->standing;
  }

  [[nodiscard]] Health health(NodeNumber number) const { return standing(number).health; }

  // Time passes; ticks are in time, and peers that are not in silent() ack their pings at once.
  void advance(uint64_t us) {
    const uint64_t end_us = now_us_ + us;
    while (core_.next_due_us() <= end_us) {
      move_to(std::max(now_us_, core_.next_due_us()));
      core_.tick(moment());
      take();
    }
    move_to(end_us);
  }

  // Time passes and the core is not called: its loop stands still.
  void stand_still(uint64_t us) { move_to(now_us_ + us); }

  void tick() {
    core_.tick(moment());
    take();
  }

  void step(NodeNumber from, const Message& message) {
    core_.step(from, message, moment());
    take();
  }

  // News from `from`, who is in its first incarnation.
  void tell(NodeNumber from, std::vector<Opinion> opinions, std::vector<MemberNotes> notes = {}) {
    step(from, Rumors{.piggyback = piggyback(std::move(opinions), std::move(notes))});
  }

  void link_lost(NodeNumber member, LinkLoss loss) {
    core_.on_link_lost(member, loss, moment());
    take();
  }

  void link_made(NodeNumber member) {
    core_.on_link_made(member, moment());
    take();
  }

  [[nodiscard]] std::set<NodeNumber>& silent() { return silent_; }

  [[nodiscard]] static Piggyback piggyback(std::vector<Opinion> opinions = {},
                                           std::vector<MemberNotes> notes = {}) {
    return {.mine = {.boot = kBoot, .incarnation = Incarnation{1}, .notes_version = 0},
            .yours = {.boot = kBoot, .incarnation = Incarnation{1}},
            .opinions = std::move(opinions),
            .notes = std::move(notes)};
  }

  [[nodiscard]] static Opinion opinion(uint16_t number, uint64_t incarnation, Health health,
                                       std::vector<Accuser> accusers = {}) {
    return {.member = node(number),
            .boot = kBoot,
            .incarnation = Incarnation{incarnation},
            .health = health,
            .accusers = std::move(accusers)};
  }

  // All messages of a kind since the last clear(), in order.
  template <class Kind>
  [[nodiscard]] std::vector<std::pair<NodeNumber, Kind>> sent() const {
    std::vector<std::pair<NodeNumber, Kind>> result;
    for (const Outgoing& outgoing : sent_) {
      if (const auto* kind = std::get_if<Kind>(&outgoing.message)) {
        result.emplace_back(outgoing.to, *kind);
      }
    }
    return result;
  }

  [[nodiscard]] const std::vector<Outgoing>& sent_all() const { return sent_; }

  [[nodiscard]] const std::vector<Event>& events() const { return events_; }

  [[nodiscard]] size_t count(EventKind kind) const {
    size_t count = 0;
    for (const Event& event : events_) count += event.kind == kind ? 1 : 0;
    return count;
  }

  void clear() {
    sent_.clear();
    events_.clear();
  }

 private:
  void move_to(uint64_t now_us) {
    wall_us_ += static_cast<int64_t>(now_us - now_us_);
    now_us_ = now_us;
  }

  void take() {
    for (Output output = core_.take_output(); !output.events.empty() || !output.messages.empty();
         output = core_.take_output()) {
      events_.insert(events_.end(), output.events.begin(), output.events.end());
      for (const Outgoing& outgoing : output.messages) {
        sent_.push_back(outgoing);
        const auto* ping = std::get_if<Ping>(&outgoing.message);
        if (ping == nullptr || silent_.contains(outgoing.to)) continue;
        core_.step(outgoing.to,
                   Ack{.sequence = ping->sequence, .wall_us = wall_us_, .piggyback = piggyback()},
                   moment());
      }
    }
  }

  uint64_t now_us_ = 1'000'000;
  int64_t wall_us_ = 1'767'225'600'000'000;
  sim::SimRng rng_;
  Gossip core_;
  std::set<NodeNumber> silent_;
  std::vector<Outgoing> sent_;
  std::vector<Event> events_;
};

}  // namespace quoris::membership
