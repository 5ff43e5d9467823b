#include "store/hash_value.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/text.h"

namespace quoris::store {

namespace {

constexpr size_t kStep = 2;  // field and value

const HashTable* table_of(const Entry& entry) {
  return entry.is_large() ? static_cast<const HashTable*>(&entry.large()) : nullptr;
}

}  // namespace

HashView::HashView(const Entry& entry) : entry_(entry), table_(table_of(entry)) {
  QUORIS_ASSERT(entry.type() == Type::hash);
}

size_t HashView::size() const {
  return table_ != nullptr ? table_->size() : PackedView(entry_.block()).count() / kStep;
}

std::optional<StringView> HashView::find(std::string_view field) const {
  if (table_ != nullptr) {
    const HashTable::Item* item = table_->find(field, table_->hash_of(field));
    if (item == nullptr) return std::nullopt;
    return StringView{.bytes = item->value()};
  }
  const PackedView view(entry_.block());
  const size_t at = view.find(packed::Wanted(packed::best_element(field)), kStep);
  if (at == PackedView::kNone) return std::nullopt;
  return view.at(view.next(at));
}

HashView::Pair HashView::random(Rng& rng) const {
  QUORIS_ASSERT(size() > 0);
  if (table_ != nullptr) {
    const HashTable::Item& item = *table_->random(rng);
    return {.field = {.bytes = item.member()}, .value = {.bytes = item.value()}};
  }
  const PackedView view(entry_.block());
  const size_t at = view.offset_of(rng.below(size()) * kStep);
  return {.field = view.at(at), .value = view.at(view.next(at))};
}

bool HashValue::set(std::string_view field, std::string_view value) {
  const size_t longest = std::max(field.size(), value.size());
  if (!entry_->is_large() && longest > limits_.hash_max_packed_bytes) make_large();
  return entry_->is_large() ? set_large(field, value) : set_packed(field, value);
}

bool HashValue::set_packed(std::string_view field, std::string_view value) {
  const PackedView view(entry_->block());
  const std::array elements = {packed::best_element(field), packed::best_element(value)};
  const size_t at = view.find(packed::Wanted(elements[0]), kStep);
  const bool is_new = at == PackedView::kNone;
  const size_t old_value = is_new ? PackedView::kNone : view.next(at);
  const size_t gone = is_new ? 0 : view.next(old_value) - old_value;
  const size_t added =
      packed::encoded_size(elements[1]) + (is_new ? packed::encoded_size(elements[0]) : 0);
  const size_t fields_max = std::min(limits_.hash_max_packed_fields, kPackedElementsMax / kStep);
  const size_t fields = view.count() / kStep + (is_new ? 1 : 0);
  if (fields > fields_max || view.end() - gone + added > kPackedBytesMax) {
    make_large();
    return set_large(field, value);
  }
  entry_ = is_new ? &packed::insert(keyspace_, key_, *entry_, view.end(), elements)
                  : &packed::replace(keyspace_, key_, *entry_, old_value, elements[1]);
  return is_new;
}

bool HashValue::set_large(std::string_view field, std::string_view value) {
  auto& table = static_cast<HashTable&>(entry_->large());
  const size_t memory = table.memory();
  const uint64_t hash = table.hash_of(field);
  HashTable::Item* item = table.find(field, hash);
  if (item == nullptr) {
    table.insert(field, hash, value);
  } else {
    table.set_value(*item, hash, value);
  }
  keyspace_.note_large_change(table, memory);
  return item == nullptr;
}

bool HashValue::remove(std::string_view field) {
  if (!entry_->is_large()) {
    const PackedView view(entry_->block());
    const size_t at = view.find(packed::Wanted(packed::best_element(field)), kStep);
    if (at == PackedView::kNone) return false;
    entry_ = &packed::erase(keyspace_, key_, *entry_, at, kStep);
    return true;
  }
  auto& table = static_cast<HashTable&>(entry_->large());
  const uint64_t hash = table.hash_of(field);
  HashTable::Item* item = table.find(field, hash);
  if (item == nullptr) return false;
  const size_t memory = table.memory();
  table.erase(*item, hash);
  keyspace_.note_large_change(table, memory);
  return true;
}

void HashValue::make_large() {
  if (entry_->is_large()) return;
  auto table = std::make_unique<HashTable>(keyspace_.secret());
  char field_digits[kInt64TextMax + 1];
  char value_digits[kInt64TextMax + 1];
  HashView(*entry_).for_each([&](const StringView& field, const StringView& value) {
    const std::string_view name = field.text(field_digits);
    table->insert(name, table->hash_of(name), value.text(value_digits));
    return true;
  });
  entry_ = &keyspace_.grow_large(key_, *entry_, std::move(table));
}

}  // namespace quoris::store
