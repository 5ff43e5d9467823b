// SortedMembers: a large sorted set: its members in a table, and the same items in order.
//
// Invariants: table and tree hold the same items, with the same scores.
// Used by: zset_value.
#pragma once

#include <memory>
#include <string_view>

#include "store/large_value.h"
#include "store/member_table.h"
#include "store/score_tree.h"

namespace quoris::store {

class SortedMembers final : public LargeValue {
 public:
  using Item = ScoreTable::Item;

  explicit SortedMembers(HashSecret secret) : table_(secret) {}

  [[nodiscard]] size_t size() const override { return table_.size(); }

  [[nodiscard]] size_t memory() const override;
  size_t free_some(size_t count_max) override;
  [[nodiscard]] std::unique_ptr<LargeValue> clone() const override;

  // For reading.
  [[nodiscard]] const ScoreTable& table() const { return table_; }

  [[nodiscard]] const ScoreTree& tree() const { return tree_; }

  [[nodiscard]] uint64_t prefetch_element(std::string_view member) const override {
    return table_.prefetch_element(member);
  }

  void prefetch_found(uint64_t hash) const override { table_.prefetch_found(hash); }

  [[nodiscard]] uint64_t hash_of(std::string_view member) const { return table_.hash_of(member); }

  [[nodiscard]] Item* find(std::string_view member, uint64_t hash) const {
    return table_.find(member, hash);
  }

  // As MemberTable's.
  void reserve(size_t members) { table_.reserve(members); }

  // REQUIRES: it is not there; the score is not NaN.
  void insert(std::string_view member, uint64_t hash, double score);

  void insert(std::string_view member, double score) { insert(member, hash_of(member), score); }

  // REQUIRES of both: `item` is there.
  void set_score(Item& item, double score) { tree_.move(item, score); }

  void erase(Item& item, uint64_t hash);

  // Erases so many from `rank` on; `visit(std::string_view member)` sees each before it goes.
  // REQUIRES: rank + count <= size().
  template <class Visit>
  void erase_range(size_t rank, size_t count, Visit&& visit) {
    while (count > 0) {
      count -= tree_.erase_run(rank, count, [this, &visit](Item& item) {
        visit(item.member());
        table_.erase(item);
      });
    }
  }

 private:
  ScoreTable table_;
  ScoreTree tree_;
};

}  // namespace quoris::store
