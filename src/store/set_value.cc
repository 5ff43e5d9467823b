#include "store/set_value.h"

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::store {

namespace {

const SetTable* table_of(const Entry& entry) {
  return entry.is_large() ? static_cast<const SetTable*>(&entry.large()) : nullptr;
}

size_t intset_members_max(const CollectionLimits& limits) {
  return std::min(limits.set_max_intset_members, kPackedBytesMax / sizeof(int64_t));
}

}  // namespace

SetView::SetView(const Entry& entry) : entry_(&entry), table_(table_of(entry)) {
  QUORIS_ASSERT(entry.type() == Type::set);
}

size_t SetView::size() const {
  if (table_ != nullptr) return table_->size();
  const std::string_view block = entry_->block();
  if (entry_->encoding() == Encoding::intset) return IntsetView(block).size();
  return PackedView(block).count();
}

bool SetView::contains(const StringView& member) const {
  if (table_ != nullptr) {
    char digits[kInt64TextMax + 1];
    const std::string_view text = member.text(digits);
    return table_->find(text, table_->hash_of(text)) != nullptr;
  }
  const StringView element = member.is_integer ? member : packed::best_element(member.bytes);
  if (entry_->encoding() == Encoding::intset) {
    return element.is_integer && IntsetView(entry_->block()).contains(element.integer);
  }
  return PackedView(entry_->block()).find(packed::Wanted(element), 1) != PackedView::kNone;
}

StringView SetView::random(Rng& rng) const {
  QUORIS_ASSERT(size() > 0);
  if (table_ != nullptr) return {.bytes = table_->random(rng)->member()};
  const size_t index = rng.below(size());
  if (entry_->encoding() == Encoding::intset) {
    return {.is_integer = true, .integer = IntsetView(entry_->block()).at(index), .bytes = {}};
  }
  const PackedView view(entry_->block());
  return view.at(view.offset_of(index));
}

Encoding SetValue::first_encoding(std::string_view member) {
  return packed::best_element(member).is_integer ? Encoding::intset : Encoding::packed;
}

std::string SetValue::empty_block(Encoding encoding) {
  return encoding == Encoding::intset ? intset::empty_block() : packed::empty_block();
}

std::optional<SetValue::Block> SetValue::block_of(const SetTable& members,
                                                  const CollectionLimits& limits) {
  const size_t integers_max = intset_members_max(limits);
  if (members.size() > std::max(integers_max, kSetMaxPackedMembers)) return std::nullopt;
  std::vector<int64_t> integers;
  std::string elements;
  bool fits_packed = members.size() <= kSetMaxPackedMembers;
  members.for_each([&](const SetTable::Item& item) {
    const StringView element = packed::best_element(item.member());
    if (element.is_integer) integers.push_back(element.integer);
    fits_packed = fits_packed && item.member().size() <= kSetMaxPackedBytes;
    if (fits_packed) packed::append(elements, element);
    return fits_packed || element.is_integer;
  });
  if (integers.size() == members.size() && integers.size() <= integers_max) {
    std::sort(integers.begin(), integers.end());
    return Block{.encoding = Encoding::intset, .bytes = intset::block_of(integers)};
  }
  if (!fits_packed) return std::nullopt;
  return Block{.encoding = Encoding::packed, .bytes = packed::block_of(elements, members.size())};
}

bool SetValue::add(std::string_view member) {
  if (entry_->is_large()) return add_large(member);
  if (entry_->encoding() == Encoding::intset) {
    const StringView element = packed::best_element(member);
    if (element.is_integer) return add_to_intset(element.integer);
    make_packed();
  }
  return entry_->is_large() ? add_large(member) : add_packed(member);
}

bool SetValue::add_to_intset(int64_t member) {
  const IntsetView view(entry_->block());
  if (view.contains(member)) return false;
  entry_ = &intset::insert(keyspace_, key_, *entry_, member);
  if (IntsetView(entry_->block()).size() > intset_members_max(limits_)) make_large();
  return true;
}

bool SetValue::add_packed(std::string_view member) {
  const PackedView view(entry_->block());
  const StringView element = packed::best_element(member);
  if (view.find(packed::Wanted(element), 1) != PackedView::kNone) return false;
  if (member.size() > kSetMaxPackedBytes || view.count() >= kSetMaxPackedMembers) {
    make_large();
    return add_large(member);
  }
  entry_ = &packed::insert(keyspace_, key_, *entry_, view.end(), {&element, 1});
  return true;
}

bool SetValue::add_large(std::string_view member) {
  auto& table = static_cast<SetTable&>(entry_->large());
  const uint64_t hash = table.hash_of(member);
  if (table.find(member, hash) != nullptr) return false;
  const size_t memory = table.memory();
  table.insert(member, hash);
  keyspace_.note_large_change(table, memory);
  return true;
}

bool SetValue::remove(std::string_view member) {
  if (entry_->is_large()) {
    auto& table = static_cast<SetTable&>(entry_->large());
    const uint64_t hash = table.hash_of(member);
    SetTable::Item* item = table.find(member, hash);
    if (item == nullptr) return false;
    const size_t memory = table.memory();
    table.erase(*item, hash);
    keyspace_.note_large_change(table, memory);
    return true;
  }
  const StringView element = packed::best_element(member);
  if (entry_->encoding() == Encoding::intset) {
    const IntsetView view(entry_->block());
    if (!element.is_integer || !view.contains(element.integer)) return false;
    entry_ = &intset::erase(keyspace_, key_, *entry_, view.lower_bound(element.integer));
    return true;
  }
  const size_t at = PackedView(entry_->block()).find(packed::Wanted(element), 1);
  if (at == PackedView::kNone) return false;
  entry_ = &packed::erase(keyspace_, key_, *entry_, at, 1);
  return true;
}

// An intset meets a member that is no integer.
void SetValue::make_packed() {
  const IntsetView view(entry_->block());
  if (view.size() > kSetMaxPackedMembers) return make_large();
  std::string elements;
  for (size_t i = 0; i < view.size(); ++i) {
    packed::append(elements, {.is_integer = true, .integer = view.at(i), .bytes = {}});
  }
  const std::string block = packed::block_of(elements, view.size());
  entry_ = &keyspace_.replace_block(key_, *entry_, Encoding::packed, block);
}

void SetValue::make_large() {
  if (entry_->is_large()) return;
  auto table = std::make_unique<SetTable>(keyspace_.secret());
  char digits[kInt64TextMax + 1];
  SetView(*entry_).for_each([&](const StringView& member) {
    const std::string_view text = member.text(digits);
    table->insert(text, table->hash_of(text));
    return true;
  });
  entry_ = &keyspace_.grow_large(key_, *entry_, std::move(table));
}

}  // namespace quoris::store
