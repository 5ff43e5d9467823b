#include "store/replay.h"

#include "store/apply_parts.h"

namespace quoris::store {

namespace {

using Outcome = Replay::Outcome;

// Kinds that change what is there; the others say all that the key is afterwards.
bool is_delta(MutationKind kind) {
  switch (kind) {
    case MutationKind::put_string:
    case MutationKind::put_collection:
    case MutationKind::remove:
    case MutationKind::expire:
    case MutationKind::flush:
    case MutationKind::swap:
      return false;
    case MutationKind::set_expiry:
    case MutationKind::append:
    case MutationKind::set_range:
    case MutationKind::set_elements:
    case MutationKind::remove_elements:
    case MutationKind::list_insert:
    case MutationKind::list_erase:
    case MutationKind::list_set:
    case MutationKind::list_remove:
      return true;
  }
  return true;
}

bool is_put(MutationKind kind) {
  return kind == MutationKind::put_string || kind == MutationKind::put_collection;
}

Outcome outcome_of(bool applied) { return applied ? Outcome::applied : Outcome::damage; }

}  // namespace

Outcome Replay::load(const Mutation& mutation) {
  if (raw(mutation.db) >= store_.databases()) return Outcome::damage;
  if (mutation.kind == MutationKind::flush) return outcome_of(apply(store_, mutation));
  const bool is_piece =
      mutation.kind == MutationKind::set_elements || mutation.kind == MutationKind::list_insert;
  if ((!is_put(mutation.kind) && !is_piece) || mutation.key.size() > kLengthMax) {
    return Outcome::damage;
  }
  Keyspace& db = store_.db(mutation.db);
  const HashedKey key = db.hashed(mutation.key);
  Entry* present = db.find(key);
  if (is_piece) {
    if (present == nullptr || present->version() != mutation.version) return Outcome::damage;
  } else if (present != nullptr && present->version() > mutation.version) {
    return Outcome::damage;  // met twice: the second time it was not older
  }
  store_.versions().observe(mutation.version);
  return outcome_of(mutation.kind == MutationKind::put_collection
                        ? load_collection(store_, db, key, present, mutation)
                        : apply_to_key(store_, db, key, present, mutation));
}

Outcome Replay::replay(const Mutation& mutation) {
  if (raw(mutation.db) >= store_.databases()) return Outcome::damage;
  if (mutation.kind == MutationKind::flush || mutation.kind == MutationKind::swap) {
    if (mutation.version <= store_.db_version(mutation.db)) return Outcome::skipped;
    return outcome_of(apply(store_, mutation));
  }
  if (mutation.key.size() > kLengthMax) return Outcome::damage;
  const Outcome outcome = replay_on_key(mutation);
  if (outcome != Outcome::damage) store_.versions().observe(mutation.version);
  return outcome;
}

Outcome Replay::replay_on_key(const Mutation& mutation) {
  Keyspace& db = store_.db(mutation.db);
  const HashedKey key = db.hashed(mutation.key);
  Entry* present = db.find(key);
  if (present == nullptr) return replay_on_nothing(db, key, mutation);
  if (mutation.version <= present->version()) return Outcome::skipped;
  if (is_delta(mutation.kind) && mutation.base_version != present->version()) {
    return without_base();
  }
  if (!apply_to_key(store_, db, key, present, mutation)) return Outcome::damage;
  if (in_snapshot_ && mutation.kind == MutationKind::remove_elements && db.find(key) == nullptr) {
    empty_.insert(raw(mutation.version));
  }
  return Outcome::applied;
}

Outcome Replay::replay_on_nothing(Keyspace& db, const HashedKey& key, const Mutation& mutation) {
  if (is_delta(mutation.kind) && mutation.base_version != kNoVersion) {
    if (empty_.erase(raw(mutation.base_version)) == 0) return without_base();
    if (mutation.kind != MutationKind::set_elements) {
      empty_.insert(raw(mutation.version));
      return Outcome::applied;
    }
  }
  return outcome_of(apply_to_key(store_, db, key, nullptr, mutation));
}

Outcome Replay::without_base() const { return in_snapshot_ ? Outcome::skipped : Outcome::damage; }

void Replay::prefetch(std::span<const Mutation> mutations) {
  hashes_.clear();
  for (const Mutation& mutation : mutations) {
    if (raw(mutation.db) >= store_.databases()) return;
    const Keyspace& db = store_.db(mutation.db);
    hashes_.push_back(db.hashed(mutation.key).hash);
    db.prefetch_bucket(hashes_.back());
  }
  for (size_t i = 0; i < mutations.size(); ++i) {
    store_.db(mutations[i].db).prefetch_entry(hashes_[i]);
  }
}

void Replay::end_of_snapshot() {
  in_snapshot_ = false;
  empty_.clear();
}

}  // namespace quoris::store
