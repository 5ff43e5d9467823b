// StoreWalk: reads all databases for a snapshot, slice by slice, while everything is changed.
//
// Yields mutations that, loaded into an empty store and followed by all that was emitted since the
// walk began, give an equal store (store/replay.h says how). Each entry is one put; a large value a
// put with its first piece and set_elements or list_insert with the others, all under the version
// it had at the first.
//
// Entries come in the order of the hash's top bits, database by database in the order in which they
// were when the walk began (Store::begin_origins), so that replaying a SWAPDB brings them where
// they belong. Every entry that is there all the time is met at least once. A large hash, set or
// sorted set is read by its own scan; when its key is gone it is dropped half read, for the log
// says what became of it. A large list is frozen (FrozenList) and read to its end.
// What is past its time is yielded like the rest.
// Used by: persistence (snapshot writer). One walk at a time per store: it sets the origins.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "store/frozen_list.h"
#include "store/mutation.h"
#include "store/store.h"

namespace quoris::store {

class StoreWalk {
 public:
  // Of a piece of a large value. Costs so much memory, and as long a slice at least as it takes to
  // read so many elements; each piece names the key again.
  static constexpr size_t kPieceBytes = size_t{128} * 1024;

  // Begins: what is emitted from now on is the walk's log. The store outlives it.
  explicit StoreWalk(Store& store, size_t piece_bytes = kPieceBytes);

  // Goes on for about `work_max` units: one is an entry, or kBytesPerUnit of it. Views in what is
  // emitted are valid during the call. True: the walk is through.
  bool step(MutationSink& out, size_t work_max);

  static constexpr size_t kBytesPerUnit = 512;

  struct Figures {
    uint64_t entries = 0;
    uint64_t large = 0;  // of them, in pieces
  };

  [[nodiscard]] const Figures& figures() const { return figures_; }

  // Bytes that a list's changes cost because it is being read.
  [[nodiscard]] size_t memory() const { return list_ == nullptr ? 0 : list_->memory(); }

 private:
  // A large value that is being read.
  struct Large {
    std::string key;
    const LargeValue* value = nullptr;
    Mutation piece;       // of the next one; its views are set when it is emitted
    uint64_t cursor = 0;  // of its scan
    uint64_t items = 0;   // of a list: those emitted
  };

  void emit_db_versions(MutationSink& out);
  size_t visit_entries(MutationSink& out, size_t count);
  size_t emit_small(MutationSink& out, const Entry& entry);
  size_t begin_large(MutationSink& out);
  size_t emit_piece(MutationSink& out, const Entry* entry);
  size_t continue_large(MutationSink& out);
  [[nodiscard]] Mutation mutation_of(const Entry& entry) const;

  [[nodiscard]] Keyspace& keyspace() { return store_.db(store_.db_of_origin(origin())); }

  [[nodiscard]] DbIndex origin() const { return DbIndex{static_cast<uint16_t>(origin_)}; }

  Store& store_;
  size_t piece_bytes_;
  size_t origin_ = 0;  // the database that is being read, by its origin
  uint64_t cursor_ = 0;
  bool db_is_through_ = false;        // but for what is waiting
  std::vector<Version> db_versions_;  // at the beginning, until they are emitted
  std::vector<std::string> waiting_;  // keys of large values that were met
  std::unique_ptr<Large> large_;
  std::unique_ptr<FrozenList> list_;  // large_ is this list
  std::vector<Entry*> batch_;         // of one call
  std::string bytes_;                 // of a piece
  Figures figures_;
};

}  // namespace quoris::store
