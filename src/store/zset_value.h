// A sorted set in an entry, whichever form it has: ZsetView to read it, ZsetValue to change it.
//
// Forms: packed (member and score in turn, in the set's order) up to the limits of
// CollectionLimits, then SortedMembers, for good.
// The order: by score, equal ones by the member's bytes. A rank counts from the lowest, from 0.
// A view is valid until the set is changed. ZsetValue may move the entry: take entry() afterwards.
// Used by: command handlers (ZsetView), Writer and apply (ZsetValue).
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "store/collection_limits.h"
#include "store/keyspace.h"
#include "store/packed.h"
#include "store/score.h"
#include "store/score_rules.h"
#include "store/sorted_members.h"

namespace quoris::store {

class ZsetView {
 public:
  // REQUIRES: entry.type() is zset.
  explicit ZsetView(const Entry& entry);

  [[nodiscard]] size_t size() const;
  [[nodiscard]] std::optional<double> score(std::string_view member) const;
  [[nodiscard]] std::optional<size_t> rank(std::string_view member) const;

  // How many members are in front of it. A LexBound makes sense where all scores are equal.
  [[nodiscard]] size_t rank(const ScoreBound& bound) const;
  [[nodiscard]] size_t rank(const LexBound& bound) const;

  // Null if the set is in one block.
  [[nodiscard]] const SortedMembers* members() const { return members_; }

  // `visit(StringView member, double score)` returns false to stop. Members from `rank` up to
  // `rank` + `count` - 1, in this order or from the highest of them down.
  // REQUIRES: rank + count <= size().
  template <class Visit>
  void for_each(size_t rank, size_t count, bool descending, Visit&& visit) const;

  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each(0, size(), false, visit);
  }

  // One call of ZSCAN: a block is visited whole, and the next cursor is 0 then.
  template <class Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

  struct Member {
    StringView member;
    double score = 0;
  };

  // Each member as likely as any other. REQUIRES: size() > 0.
  [[nodiscard]] Member random(Rng& rng) const;

 private:
  friend class ZsetValue;

  static constexpr size_t kStep = 2;  // member and score

  [[nodiscard]] PackedView packed() const { return PackedView(entry_.block()); }

  // Of what is in the block in front of the first member of which `before(StringView, score)` is
  // false: offset and rank.
  struct Place {
    size_t offset = 0;
    size_t rank = 0;
  };

  template <class Before>
  [[nodiscard]] Place partition(const Before& before) const;
  [[nodiscard]] Place place_of(std::string_view member, double score) const;

  const Entry& entry_;
  const SortedMembers* members_;
};

class ZsetValue {
 public:
  ZsetValue(Keyspace& keyspace, const HashedKey& key, Entry& entry, const CollectionLimits& limits)
      : keyspace_(keyspace), key_(key), entry_(&entry), limits_(limits) {}

  // A block of these members, which are sorted, and whether they may stand in one.
  [[nodiscard]] static bool fits(std::span<const ScoredMember> members,
                                 const CollectionLimits& limits);
  [[nodiscard]] static std::string block_of(std::span<const ScoredMember> members);

  [[nodiscard]] Entry& entry() { return *entry_; }

  [[nodiscard]] size_t size() const { return ZsetView(*entry_).size(); }

  // `member` may not lie in the set. REQUIRES: the score is not NaN.
  ScoreOutcome set(std::string_view member, double score, const ScoreRules& rules = {});
  // False if it was not there.
  bool remove(std::string_view member);
  // `visit(StringView member)` sees each before it goes. REQUIRES: rank + count <= size().
  template <class Visit>
  void remove_range(size_t rank, size_t count, Visit&& visit);
  // Into the large form; nothing if it has it.
  void make_large();

 private:
  ScoreOutcome set_packed(std::string_view member, double score, const ScoreRules& rules);
  ScoreOutcome set_large(std::string_view member, double score, const ScoreRules& rules);
  void move_packed(size_t at, std::string_view member, double score);
  void insert_packed(std::string_view member, double score);
  [[nodiscard]] bool fits(std::string_view member) const;

  [[nodiscard]] SortedMembers& large() { return static_cast<SortedMembers&>(entry_->large()); }

  Keyspace& keyspace_;
  const HashedKey& key_;
  Entry* entry_;
  const CollectionLimits& limits_;
};

// --- templates ----------------------------------------------------------------------------------

template <class Visit>
void ZsetView::for_each(size_t rank, size_t count, bool descending, Visit&& visit) const {
  if (count == 0) return;
  const size_t first = descending ? rank + count - 1 : rank;
  if (members_ != nullptr) {
    ScoreTree::Cursor at = members_->tree().at(first);
    for (; count > 0; --count) {
      if (!visit(StringView{.bytes = at.item().member()}, at.score())) return;
      if (descending) {
        at.previous();
      } else {
        at.next();
      }
    }
    return;
  }
  const PackedView view = packed();
  size_t offset = view.offset_of(first * kStep);
  for (; count > 0; --count) {
    const packed::Decoded member = view.decoded(offset);
    const packed::Decoded score = view.decoded(offset + member.size);
    if (!visit(member.value, score_of(score.value))) return;
    if (!descending) {
      offset += member.size + score.size;
    } else if (count > 1) {
      offset = view.previous(view.previous(offset));
    }
  }
}

template <class Visit>
uint64_t ZsetView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (members_ != nullptr) {
    return members_->table().scan(cursor, count, [&visit](const SortedMembers::Item& item) {
      visit(StringView{.bytes = item.member()}, item.score());
    });
  }
  for_each([&visit](const StringView& member, double score) {
    visit(member, score);
    return true;
  });
  return 0;
}

template <class Visit>
void ZsetValue::remove_range(size_t rank, size_t count, Visit&& visit) {
  if (entry_->is_large()) {
    SortedMembers& members = large();
    const size_t memory = members.memory();
    members.erase_range(rank, count,
                        [&visit](std::string_view member) { visit(StringView{.bytes = member}); });
    return keyspace_.note_large_change(members, memory);
  }
  const ZsetView view(*entry_);
  view.for_each(rank, count, false, [&visit](const StringView& member, double /*score*/) {
    visit(member);
    return true;
  });
  const size_t offset = view.packed().offset_of(rank * ZsetView::kStep);
  entry_ = &packed::erase(keyspace_, key_, *entry_, offset, count * ZsetView::kStep);
}

}  // namespace quoris::store
