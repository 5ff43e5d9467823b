// MemberTable: the members of a large set, hash or sorted set in a dictionary, an allocation each.
//
// Layout of an item:   [score 8] lengths, member, [value]
//   lengths: one byte per part (the member; for a hash the value too). If one of them does not fit
//   into a byte, all of those bytes are 0xFF and as many uint32 follow.
// So a member of 20 bytes is a 32-byte allocation, a field of 16 with a value of 32 is 64 bytes.
//
// Invariants: a member stands once, as the bytes that the client sent (an integer is its text). An
// item is valid until its member is changed or erased. Walks are in the order of the hash, and a
// cursor keeps Dictionary's guarantee: what is there from the first call to the last is visited.
// Used by: set_value, hash_value, sorted_members.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "store/dictionary.h"
#include "store/large_value.h"
#include "store/size_class.h"

namespace quoris::store {

enum class Payload : uint8_t {
  none,   // sets
  value,  // hashes
  score,  // sorted sets
};

template <Payload kPayload>
class MemberItem {
 public:
  MemberItem(const MemberItem&) = delete;
  MemberItem& operator=(const MemberItem&) = delete;

  [[nodiscard]] std::string_view member() const noexcept { return {at(parts_offset()), length(0)}; }

  [[nodiscard]] std::string_view value() const noexcept requires(kPayload == Payload::value) {
    return {at(parts_offset() + length(0)), length(1)};
  }

  [[nodiscard]] double score() const noexcept requires(kPayload == Payload::score) {
    double score = 0;
    std::memcpy(&score, at(0), sizeof score);
    return score;
  }

  void set_score(double score) noexcept requires(kPayload == Payload::score) {
    std::memcpy(bytes(), &score, sizeof score);
  }

  // Of the allocation.
  [[nodiscard]] size_t memory() const noexcept { return size_class(used()); }

  [[nodiscard]] static MemberItem* make(std::string_view member, std::string_view value) {
    const bool wide = is_wide(member.size(), value.size());
    void* memory = ::operator new(size_class(size_for(member.size(), value.size())), std::nothrow);
    QUORIS_ASSERT(memory != nullptr);
    auto* item = new (memory) MemberItem();
    item->write(wide, member, value);
    return item;
  }

  // True if a value of this length takes the place of the present one without a new allocation.
  [[nodiscard]] bool fits(std::string_view value) const noexcept {
    return is_wide(length(0), value.size()) == wide() &&
           size_class(size_for(length(0), value.size())) == memory();
  }

  // REQUIRES: fits(value). `value` may lie in the present one.
  void set_value(std::string_view value) noexcept requires(kPayload == Payload::value) {
    std::memmove(bytes() + parts_offset() + length(0), value.data(), value.size());
    set_length(1, value.size());
  }

  static void free(MemberItem* item) noexcept {
    [[maybe_unused]] const size_t size = item->memory();
#ifdef __cpp_sized_deallocation
    ::operator delete(item, size);
#else
    ::operator delete(item);
#endif
  }

 private:
  static constexpr size_t kParts = kPayload == Payload::value ? 2 : 1;
  static constexpr size_t kLengthsOffset = kPayload == Payload::score ? sizeof(double) : 0;
  static constexpr uint8_t kWideMark = 0xFF;

  MemberItem() = default;

  [[nodiscard]] static bool is_wide(size_t member, size_t value) noexcept {
    return member >= kWideMark || value >= kWideMark;
  }

  [[nodiscard]] static size_t offset_of_parts(bool wide) noexcept {
    return kLengthsOffset + kParts + (wide ? kParts * sizeof(uint32_t) : 0);
  }

  [[nodiscard]] static size_t size_for(size_t member, size_t value) noexcept {
    return offset_of_parts(is_wide(member, value)) + member + value;
  }

  [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this); }

  [[nodiscard]] const char* at(size_t offset) const noexcept {
    return reinterpret_cast<const char*>(this) + offset;
  }

  [[nodiscard]] bool wide() const noexcept {
    return static_cast<uint8_t>(*at(kLengthsOffset)) == kWideMark;
  }

  [[nodiscard]] size_t parts_offset() const noexcept { return offset_of_parts(wide()); }

  [[nodiscard]] size_t length(size_t part) const noexcept {
    if (!wide()) return static_cast<uint8_t>(*at(kLengthsOffset + part));
    uint32_t length = 0;
    std::memcpy(&length, at(kLengthsOffset + kParts + part * sizeof length), sizeof length);
    return length;
  }

  void set_length(size_t part, size_t length) noexcept {
    if (!wide()) {
      bytes()[kLengthsOffset + part] = static_cast<char>(length);
      return;
    }
    const auto wide_length = static_cast<uint32_t>(length);
    std::memcpy(bytes() + kLengthsOffset + kParts + part * sizeof wide_length, &wide_length,
                sizeof wide_length);
  }

  [[nodiscard]] size_t used() const noexcept {
    size_t size = parts_offset();
    for (size_t part = 0; part < kParts; ++part) size += length(part);
    return size;
  }

  void write(bool wide, std::string_view member, std::string_view value) noexcept {
    std::memset(bytes(), 0, kLengthsOffset);
    std::memset(bytes() + kLengthsOffset, wide ? kWideMark : 0, kParts);
    set_length(0, member.size());
    if constexpr (kParts == 2) set_length(1, value.size());
    char* out = bytes() + offset_of_parts(wide);
    if (!member.empty()) std::memcpy(out, member.data(), member.size());
    if (!value.empty()) std::memcpy(out + member.size(), value.data(), value.size());
  }
};

template <Payload kPayload>
class MemberTable final : public LargeValue {
 public:
  using Item = MemberItem<kPayload>;

  explicit MemberTable(HashSecret secret) : dictionary_(kTraits, secret.seed), secret_(secret) {}

  ~MemberTable() override { free_some(std::numeric_limits<size_t>::max()); }

  [[nodiscard]] size_t size() const override { return dictionary_.size(); }

  [[nodiscard]] size_t memory() const override {
    return size_class(sizeof *this) + item_memory_ + dictionary_.memory();
  }

  size_t free_some(size_t count_max) override {
    return dictionary_.take_some(count_max, [](void* item) { Item::free(as_item(item)); });
  }

  [[nodiscard]] std::unique_ptr<LargeValue> clone() const override {
    auto copy = std::make_unique<MemberTable>(secret_);
    copy->reserve(size());
    for_each([&copy](const Item& item) {
      const std::string_view member = item.member();
      if constexpr (kPayload == Payload::value) {
        copy->insert(member, copy->hash_of(member), item.value());
      } else {
        Item& added = copy->insert(member, copy->hash_of(member));
        if constexpr (kPayload == Payload::score) added.set_score(item.score());
      }
      return true;
    });
    return copy;
  }

  Relocated relocate_some(uint64_t cursor, size_t count, Relocator& relocator) override {
    // Where addresses of items are kept elsewhere too, they stay.
    if constexpr (kPayload == Payload::score) return {};
    Relocated result;
    std::vector<Item*> items;
    result.cursor =
        dictionary_.scan(cursor, count, [&items](void* item) { items.push_back(as_item(item)); });
    for (Item* item : items) {
      const size_t size = item->memory();
      void* place = relocator.new_place(item, size);
      ++(place == nullptr ? result.left : result.moved);
      if (place == nullptr) continue;
      const uint64_t hash = hash_of(item->member());
      std::memcpy(place, static_cast<const void*>(item), size);
      dictionary_.replace(hash, item, place);
      relocator.release(item, size);
    }
    return result;
  }

  [[nodiscard]] HashSecret secret() const { return secret_; }

  [[nodiscard]] uint64_t hash_of(std::string_view member) const {
    return hash_bytes(member, secret_);
  }

  [[nodiscard]] uint64_t prefetch_element(std::string_view member) const override {
    const uint64_t hash = hash_of(member);
    dictionary_.prefetch_bucket(hash);
    return hash;
  }

  void prefetch_found(uint64_t hash) const override {
    dictionary_.prefetch_items(hash, item_memory_ > kCacheLine * dictionary_.size());
  }

  // For so many that are about to come in the order of a walk. REQUIRES: size() is 0.
  void reserve(size_t members) { dictionary_.reserve(members); }

  [[nodiscard]] Item* find(std::string_view member, uint64_t hash) const {
    return as_item(dictionary_.find(
        hash, [member](const void* item) { return as_item(item)->member() == member; }));
  }

  // REQUIRES: it is not there. The score is 0.
  Item& insert(std::string_view member, uint64_t hash, std::string_view value = {}) {
    Item* item = Item::make(member, value);
    item_memory_ += item->memory();
    dictionary_.insert(hash, item, Dictionary::kNeverDue);
    return *item;
  }

  // REQUIRES: `item` is there. Views into it are void.
  void set_value(Item& item, uint64_t hash,
                 std::string_view value) requires(kPayload == Payload::value) {
    if (item.fits(value)) return item.set_value(value);
    Item* by = Item::make(item.member(), value);
    item_memory_ += by->memory() - item.memory();
    dictionary_.replace(hash, &item, by);
    Item::free(&item);
  }

  void erase(Item& item, uint64_t hash) {
    item_memory_ -= item.memory();
    dictionary_.erase(hash, &item);
    Item::free(&item);
  }

  void erase(Item& item) { erase(item, hash_of(item.member())); }

  // `visit(const Item&)` returns false to stop; it must not change the table.
  template <class Visit>
  void for_each(Visit&& visit) const {
    dictionary_.for_each([&visit](const void* item) { return visit(*as_item(item)); });
  }

  // One call of HSCAN and its like, by the rules of Dictionary::scan.
  template <class Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const {
    return dictionary_.scan(cursor, count, [&visit](const void* item) { visit(*as_item(item)); });
  }

  // Each as likely as any other; null if empty.
  [[nodiscard]] Item* random(Rng& rng) const { return as_item(dictionary_.random(rng)); }

 private:
  [[nodiscard]] static Item* as_item(void* item) { return static_cast<Item*>(item); }

  [[nodiscard]] static const Item* as_item(const void* item) {
    return static_cast<const Item*>(item);
  }

  static uint64_t hash_of_item(const void* item, uint64_t seed) {
    return hash_bytes(as_item(item)->member(), HashSecret{.seed = seed});
  }

  static uint32_t never_due(const void* /*item*/) { return Dictionary::kNeverDue; }

  static constexpr ItemTraits kTraits = {.hash = &hash_of_item, .due = &never_due, .head = 32};

  Dictionary dictionary_;
  HashSecret secret_;
  size_t item_memory_ = 0;
};

using SetTable = MemberTable<Payload::none>;
using HashTable = MemberTable<Payload::value>;
using ScoreTable = MemberTable<Payload::score>;

}  // namespace quoris::store
