#include "store/store.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace quoris::store {

Store::Store(size_t databases, HashSecret secret, NodeNumber node)
    : db_versions_(databases, kNoVersion), versions_(node), secret_(secret) {
  databases_.reserve(databases);
  for (size_t i = 0; i < databases; ++i) databases_.push_back(std::make_unique<Keyspace>(secret));
  begin_origins();
}

size_t Store::databases() const { return databases_.size(); }

Keyspace& Store::db(DbIndex db) {
  QUORIS_ASSERT(raw(db) < databases_.size());
  return *databases_[raw(db)];
}

const Keyspace& Store::db(DbIndex db) const {
  QUORIS_ASSERT(raw(db) < databases_.size());
  return *databases_[raw(db)];
}

Version Store::db_version(DbIndex db) const {
  QUORIS_ASSERT(raw(db) < db_versions_.size());
  return db_versions_[raw(db)];
}

void Store::begin_origins() {
  origins_.clear();
  for (size_t i = 0; i < databases(); ++i) origins_.push_back(DbIndex{static_cast<uint16_t>(i)});
}

DbIndex Store::db_of_origin(DbIndex origin) const {
  const auto found = std::ranges::find(origins_, origin);
  QUORIS_ASSERT(found != origins_.end());
  return DbIndex{static_cast<uint16_t>(found - origins_.begin())};
}

void Store::reset() {
  for (std::unique_ptr<Keyspace>& keyspace : databases_) {
    graveyard_.push_back(std::exchange(keyspace, std::make_unique<Keyspace>(secret_)));
  }
  db_versions_.assign(databases(), kNoVersion);
  begin_origins();
}

size_t Store::free_some(size_t work_max) {
  size_t work = 0;
  for (const auto& keyspace : databases_) {
    if (work >= work_max) return work;
    work += keyspace->free_doomed(work_max - work, lazily_freed_);
  }
  while (work < work_max && !graveyard_.empty()) {
    Keyspace& keyspace = *graveyard_.back();
    work += keyspace.free_doomed(work_max - work, lazily_freed_);
    const size_t entries = keyspace.clear_some(work_max - work);
    work += entries;
    lazily_freed_ += entries;
    if (keyspace.size() == 0 && keyspace.doomed() == 0) graveyard_.pop_back();
  }
  return work;
}

size_t Store::lazily_freed() const { return lazily_freed_; }

size_t Store::lazy_pending() const {
  size_t pending = 0;
  for (const auto& keyspace : databases_) pending += keyspace->doomed();
  for (const auto& keyspace : graveyard_) pending += keyspace->size() + keyspace->doomed();
  return pending;
}

void Store::flush_db(DbIndex db, bool lazily, Version version, const std::function<void()>& step) {
  std::unique_ptr<Keyspace>& keyspace = databases_.at(raw(db));
  if (!lazily) {
    keyspace->clear(step);
  } else if (keyspace->size() > 0) {
    graveyard_.push_back(std::exchange(keyspace, std::make_unique<Keyspace>(secret_)));
  }
  db_versions_[raw(db)] = version;
}

void Store::swap_dbs(DbIndex a, DbIndex b, Version version) {
  std::swap(databases_.at(raw(a)), databases_.at(raw(b)));
  std::swap(origins_.at(raw(a)), origins_.at(raw(b)));
  db_versions_[raw(a)] = version;
  db_versions_[raw(b)] = version;
}

}  // namespace quoris::store
