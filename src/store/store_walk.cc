#include "store/store_walk.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "store/elements.h"
#include "store/packed.h"
#include "store/prefetch.h"

namespace quoris::store {

namespace {

// Entries whose memory is asked for before the first of them is read.
constexpr size_t kBatch = 32;

size_t work_of(size_t bytes) { return 1 + bytes / StoreWalk::kBytesPerUnit; }

}  // namespace

StoreWalk::StoreWalk(Store& store, size_t piece_bytes) : store_(store), piece_bytes_(piece_bytes) {
  store_.begin_origins();
  for (size_t i = 0; i < store_.databases(); ++i) {
    db_versions_.push_back(store_.db_version(DbIndex{static_cast<uint16_t>(i)}));
  }
}

bool StoreWalk::step(MutationSink& out, size_t work_max) {
  if (!db_versions_.empty()) emit_db_versions(out);
  size_t work = 0;
  while (work < work_max) {
    if (large_ != nullptr) {
      work += continue_large(out);
    } else if (!waiting_.empty()) {
      work += begin_large(out);
    } else if (db_is_through_) {
      db_is_through_ = false;
      ++origin_;
    } else if (origin_ == store_.databases()) {
      return true;
    } else {
      work += visit_entries(out, std::min(kBatch, work_max - work));
    }
  }
  return false;
}

// What touches a whole database later is in the log.
void StoreWalk::emit_db_versions(MutationSink& out) {
  for (size_t i = 0; i < db_versions_.size(); ++i) {
    if (db_versions_[i] == kNoVersion) continue;
    const DbIndex db{static_cast<uint16_t>(i)};
    out.emit({.kind = MutationKind::flush,
              .db = db,
              .version = db_versions_[i],
              .key = {},
              .value = {}});
  }
  db_versions_.clear();
}

size_t StoreWalk::visit_entries(MutationSink& out, size_t count) {
  batch_.clear();
  cursor_ = keyspace().scan(cursor_, count, [this](Entry& entry) {
    prefetch(&entry);
    batch_.push_back(&entry);
  });
  size_t work = 1;
  for (const Entry* entry : batch_) {
    if (entry->is_large()) {
      waiting_.emplace_back(entry->key());
    } else {
      work += emit_small(out, *entry);
    }
  }
  db_is_through_ = cursor_ == 0;
  return work;
}

Mutation StoreWalk::mutation_of(const Entry& entry) const {
  return {.kind = entry.type() == Type::string ? MutationKind::put_string
                                               : MutationKind::put_collection,
          .db = origin(),
          .type = entry.type(),
          .encoding = entry.encoding(),
          .version = entry.version(),
          .expire_at_ms = entry.expire_at_ms(),
          .key = entry.key(),
          .value = {}};
}

size_t StoreWalk::emit_small(MutationSink& out, const Entry& entry) {
  ++figures_.entries;
  Mutation mutation = mutation_of(entry);
  if (entry.type() == Type::string) {
    const StringView value = entry.string();
    mutation.integer = value.integer;
    mutation.value = value.bytes;
    out.emit(mutation);
  } else {
    constexpr size_t kWhole = std::numeric_limits<size_t>::max();
    for_each_piece(entry, kWhole, [&](std::string_view elements, size_t) {
      mutation.value = elements;
      out.emit(mutation);
    });
  }
  return work_of(mutation.value.size());
}

// --- large values -------------------------------------------------------------------------------

// What stands at the key by now, be it another value than the one that was met.
size_t StoreWalk::begin_large(MutationSink& out) {
  std::string name = std::move(waiting_.back());
  waiting_.pop_back();
  Keyspace& db = keyspace();
  Entry* entry = db.find(db.hashed(name));
  size_t work = 1;
  if (entry != nullptr && !entry->is_large()) {
    work = emit_small(out, *entry);
  } else if (entry != nullptr) {
    ++figures_.entries;
    ++figures_.large;
    large_ = std::make_unique<Large>();
    large_->key = std::move(name);
    large_->value = &entry->large();
    large_->piece = mutation_of(*entry);
    if (entry->type() == Type::list) {
      list_ = std::make_unique<FrozenList>(static_cast<BlockList&>(entry->large()));
    }
    work = emit_piece(out, entry);
  }
  return work;
}

size_t StoreWalk::continue_large(MutationSink& out) {
  if (list_ != nullptr) return emit_piece(out, nullptr);
  Keyspace& db = keyspace();
  const Entry* entry = db.find(db.hashed(large_->key));
  const bool is_there = entry != nullptr && entry->type() == large_->piece.type &&
                        entry->is_large() && &entry->large() == large_->value;
  if (is_there) return emit_piece(out, entry);
  large_.reset();
  return 1;
}

// `entry` is not needed for a list.
size_t StoreWalk::emit_piece(MutationSink& out, const Entry* entry) {
  Large& large = *large_;
  bytes_.clear();
  bool is_last = false;
  bool is_empty = false;
  large.piece.offset = large.items;
  if (list_ != nullptr) {
    const size_t items = list_->take(piece_bytes_, bytes_);
    large.items += items;
    is_last = list_->is_through();
    is_empty = items == 0;
  } else {
    const ScannedElements scanned = scan_elements(*entry, large.cursor, piece_bytes_, bytes_);
    large.cursor = scanned.cursor;
    is_last = scanned.cursor == 0;
    is_empty = scanned.count == 0;
  }
  if (!is_empty) {
    large.piece.key = large.key;
    large.piece.value = bytes_;
    out.emit(large.piece);
    large.piece.kind =
        large.piece.type == Type::list ? MutationKind::list_insert : MutationKind::set_elements;
  }
  if (is_last) {
    list_.reset();
    large_.reset();
  }
  return work_of(bytes_.size());
}

}  // namespace quoris::store
