// The members as this node sees them: from the cluster map who they are, from gossip how they are.
//
// What is said of a member is ordered by (boot, incarnation, health), healths as alive < suspect <
// down: the greater one holds. So opinions may come late, twice or in any order, and all who have
// heard the same agree. Only the member itself begins a new boot or raises its incarnation, which
// is how it refutes (4.2). Unlike in the paper `down` is no end: the map says who is a member, and
// whoever answers again is back.
// Incarnation 0 is that of a member which has not been heard of in this life; it counts from 1.
//
// Limits: kMemberNumberMax. References to members last until set().
// Used by: Gossip. Pure. Source: SWIM (Das et al. 2002) 4.2, the order of messages.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "base/ids.h"
#include "cluster/membership/clock_estimate.h"
#include "cluster/membership/messages.h"
#include "cluster/membership/suspicion.h"

namespace quoris::membership {

// Numbers of members: 1 to this.
inline constexpr uint16_t kMemberNumberMax = (1U << kNodeNumberBits) - 1;

// A member as the cluster map has it.
struct MemberSpec {
  NodeNumber number{};
  BootNumber boot{};  // the life that it announced
};

struct Standing {
  BootNumber boot{};
  Incarnation incarnation{};
  Health health = Health::alive;

  auto operator<=>(const Standing&) const = default;
};

// The control link to a member, as the owner tells.
enum class Link : uint8_t {
  unknown,  // never made yet
  up,
  closed,  // ended by the other side, or refused
  silent,  // ended here: by a timeout, a bad frame, a fault
};

struct Member {
  NodeNumber number{};
  Standing standing;
  uint64_t since_us = 0;               // its health is what it is
  std::optional<Suspicion> suspicion;  // while it is suspect
  Link link = Link::unknown;
  uint64_t notes_version = 0;  // 0: none
  Notes notes;
  ClockEstimate clock;

  [[nodiscard]] bool is_down() const { return standing.health == Health::down; }

  [[nodiscard]] bool link_is_lost() const { return link == Link::closed || link == Link::silent; }

  // Since its last boot. False: all that is known of it is from the map.
  [[nodiscard]] bool was_heard() const { return standing.incarnation > Incarnation{0}; }
};

class MemberTable {
 public:
  // This node is always in it, whatever set() says. REQUIRES: a number from 1 to kMemberNumberMax.
  MemberTable(MemberSpec self, uint64_t now_us);

  // What set() changed.
  struct Change {
    std::vector<NodeNumber> gone;
    std::vector<NodeNumber> came;
  };

  // Members that are not in `wanted` go, new ones come, believed alive and not heard of; so is one
  // of whom the map knows a later life. The others keep what is known of them.
  // REQUIRES: numbers from 1 to kMemberNumberMax, each once.
  Change set(std::span<const MemberSpec> wanted, uint64_t now_us);

  // Null for a number that is no member.
  [[nodiscard]] Member* find(NodeNumber number);
  [[nodiscard]] const Member* find(NodeNumber number) const;

  [[nodiscard]] Member& self() { return *find(self_); }

  [[nodiscard]] const Member& self() const { return *find(self_); }

  // In the order of their numbers.
  [[nodiscard]] std::span<Member> all() { return members_; }

  [[nodiscard]] std::span<const Member> all() const { return members_; }

  [[nodiscard]] size_t size() const { return members_.size(); }

  // Those that are not down, this node among them.
  [[nodiscard]] size_t live() const { return members_.size() - down_; }

  [[nodiscard]] const std::set<NodeNumber>& suspects() const { return suspects_; }

  // Every change of a standing goes through here. Ends a suspicion of before; another boot has no
  // notes yet.
  void change(Member& member, Standing standing, uint64_t now_us);

 private:
  void count(const Member& member, bool in);
  void index();

  static constexpr uint16_t kNowhere = 0xFFFF;

  NodeNumber self_;
  std::vector<Member> members_;  // by number
  std::array<uint16_t, kMemberNumberMax + 1> places_{};
  std::set<NodeNumber> suspects_;
  size_t down_ = 0;
};

}  // namespace quoris::membership
