// A small set of integers in one block: the width of its members in bytes (2, 4 or 8; one byte),
// then the members in ascending order.
//
// The block widens with the largest member and does not narrow again.
// The edits may move the entry: they return it. Used by: set_value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "store/keyspace.h"

namespace quoris::store {

class IntsetView {
 public:
  explicit IntsetView(std::string_view block) : block_(block) {}

  [[nodiscard]] size_t size() const { return (block_.size() - kHeader) / width(); }

  [[nodiscard]] size_t width() const { return static_cast<uint8_t>(block_[0]); }

  // REQUIRES: index < size().
  [[nodiscard]] int64_t at(size_t index) const;
  [[nodiscard]] bool contains(int64_t value) const;

  // How many members are below `value`: its index if it is there.
  [[nodiscard]] size_t lower_bound(int64_t value) const;

  static constexpr size_t kHeader = 1;

 private:
  std::string_view block_;
};

namespace intset {

[[nodiscard]] std::string empty_block();
// REQUIRES: in ascending order, each once.
[[nodiscard]] std::string block_of(std::span<const int64_t> members);

// REQUIRES: it is not there.
Entry& insert(Keyspace& keyspace, const HashedKey& key, Entry& entry, int64_t value);
Entry& erase(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t index);

}  // namespace intset
}  // namespace quoris::store
