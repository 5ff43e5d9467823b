#include "store/packed.h"

#include <cstring>

#include "base/assert.h"

namespace quoris::store {

size_t PackedView::find(const packed::Wanted& wanted, size_t step) const {
  size_t offset = begin();
  while (offset < end()) {
    if (wanted.equals(block_.data() + offset)) return offset;
    for (size_t i = 0; i < step; ++i) offset = next(offset);
  }
  return kNone;
}

size_t PackedView::offset_of(size_t index) const {
  const size_t all = count();
  QUORIS_ASSERT(index <= all);
  if (index <= all / 2) {
    size_t offset = begin();
    for (size_t i = 0; i < index; ++i) offset = next(offset);
    return offset;
  }
  size_t offset = end();
  for (size_t i = all; i > index; --i) offset = previous(offset);
  return offset;
}

namespace packed {

namespace {

void set_count(char* block, size_t count) {
  QUORIS_ASSERT(count <= kPackedElementsMax);
  const auto stored = static_cast<uint16_t>(count);
  std::memcpy(block, &stored, sizeof stored);
}

}  // namespace

std::string block_of(std::string_view elements, size_t count) {
  std::string block(PackedView::kHeader, '\0');
  block += elements;
  set_count(block.data(), count);
  return block;
}

std::string empty_block() { return block_of({}, 0); }

Entry& insert(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t offset,
              std::span<const StringView> elements) {
  const size_t count = PackedView(entry.block()).count() + elements.size();
  size_t size = 0;
  for (const StringView& element : elements) size += encoded_size(element);
  Entry& changed = keyspace.splice_block(key, entry, offset, 0, size);
  char* block = changed.mutable_block();
  set_count(block, count);
  char* out = block + offset;
  for (const StringView& element : elements) out += encode(element, out);
  return changed;
}

Entry& erase(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t offset, size_t count) {
  const PackedView view(entry.block());
  const size_t left = view.count() - count;
  size_t end = offset;
  for (size_t i = 0; i < count; ++i) end = view.next(end);
  Entry& changed = keyspace.splice_block(key, entry, offset, end - offset, 0);
  set_count(changed.mutable_block(), left);
  return changed;
}

Entry& replace(Keyspace& keyspace, const HashedKey& key, Entry& entry, size_t offset,
               const StringView& element) {
  const size_t old_size = size_at(entry.block().data() + offset);
  Entry& changed = keyspace.splice_block(key, entry, offset, old_size, encoded_size(element));
  encode(element, changed.mutable_block() + offset);
  return changed;
}

}  // namespace packed
}  // namespace quoris::store
