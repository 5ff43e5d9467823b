#include "cluster/membership/member_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::membership {

MemberTable::MemberTable(MemberSpec self, uint64_t now_us) : self_(self.number) {
  set({&self, 1}, now_us);
  change(this->self(), {.boot = self.boot, .incarnation = Incarnation{1}}, now_us);
}

MemberTable::Change MemberTable::set(std::span<const MemberSpec> wanted, uint64_t now_us) {
  std::array<const MemberSpec*, kMemberNumberMax + 1> specs{};
  for (const MemberSpec& spec : wanted) {
    QUORIS_ASSERT(raw(spec.number) >= 1 && raw(spec.number) <= kMemberNumberMax);
    QUORIS_ASSERT(specs[raw(spec.number)] == nullptr);
    specs[raw(spec.number)] = &spec;
  }
  Change result;
  for (Member& member : members_) {
    const MemberSpec* spec = std::exchange(specs[raw(member.number)], nullptr);
    if (member.number == self_) continue;
    if (spec == nullptr) {
      count(member, false);
      result.gone.push_back(member.number);
    } else if (spec->boot > member.standing.boot) {
      change(member, {.boot = spec->boot}, now_us);
    }
  }
  std::erase_if(members_, [&result](const Member& member) {
    return std::ranges::binary_search(result.gone, member.number);
  });
  for (const MemberSpec* spec : specs) {
    if (spec == nullptr) continue;
    Member member;
    member.number = spec->number;
    member.standing.boot = spec->boot;
    member.since_us = now_us;
    members_.push_back(std::move(member));
    result.came.push_back(spec->number);
  }
  std::ranges::sort(members_, {}, &Member::number);
  index();
  return result;
}

Member* MemberTable::find(NodeNumber number) {
  return const_cast<Member*>(std::as_const(*this).find(number));
}

const Member* MemberTable::find(NodeNumber number) const {
  if (raw(number) > kMemberNumberMax) return nullptr;
  const uint16_t place = places_[raw(number)];
  return place == kNowhere ? nullptr : &members_[place];
}

void MemberTable::change(Member& member, Standing standing, uint64_t now_us) {
  count(member, false);
  if (standing.health != member.standing.health) member.since_us = now_us;
  if (standing.boot != member.standing.boot) {
    member.notes_version = 0;
    member.notes = {};
    // The machine may have been off.
    member.clock.clear();
  }
  member.standing = standing;
  member.suspicion.reset();
  count(member, true);
}

void MemberTable::count(const Member& member, bool in) {
  if (member.is_down()) down_ += in ? size_t{1} : ~size_t{0};
  if (member.standing.health != Health::suspect) return;
  if (in) {
    suspects_.insert(member.number);
  } else {
    suspects_.erase(member.number);
  }
}

void MemberTable::index() {
  places_.fill(kNowhere);
  for (size_t place = 0; place < members_.size(); ++place) {
    places_[raw(members_[place].number)] = static_cast<uint16_t>(place);
  }
}

}  // namespace quoris::membership
