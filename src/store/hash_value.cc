#include "store/hash_value.h"

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

bool HashValue::fits(const PackedView& view, std::string_view field, std::string_view value) const {
  const size_t bytes = field.size() + value.size();
  return field.size() <= limits_.hash_max_packed_bytes &&
         value.size() <= limits_.hash_max_packed_bytes && view.end() + bytes < kPackedBytesMax;
}

bool HashValue::set(std::string_view field, std::string_view value) {
  if (!entry_->is_large() && !fits(PackedView(entry_->block()), field, value)) make_large();
  return entry_->is_large() ? set_large(field, value) : set_packed(field, value);
}

bool HashValue::set_packed(std::string_view field, std::string_view value) {
  const PackedView view(entry_->block());
  const std::array elements = {packed::best_element(field), packed::best_element(value)};
  const size_t at = view.find(packed::Wanted(elements[0]), kStep);
  if (at != PackedView::kNone) {
    entry_ = &packed::replace(keyspace_, key_, *entry_, view.next(at), elements[1]);
    return false;
  }
  const size_t fields_max = std::min(limits_.hash_max_packed_fields, kPackedElementsMax / kStep);
  if (view.count() / kStep >= fields_max) {
    make_large();
    return set_large(field, value);
  }
  entry_ = &packed::insert(keyspace_, key_, *entry_, view.end(), elements);
  return true;
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
