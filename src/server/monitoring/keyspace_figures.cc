#include "server/monitoring/keyspace_figures.h"

#include <algorithm>

#include "server/monitoring/memory_figures.h"
#include "server/node.h"

namespace quoris::server {
namespace {

// Entries looked at for the mean TTL: some ten microseconds, and an error of a few percent.
constexpr size_t kSample = 500;
constexpr size_t kSampleStep = 50;

}  // namespace

uint64_t expired_backlog(Node& node) {
  uint64_t keys = 0;
  for (size_t index = 0; index < node.store().databases(); ++index) {
    const DbIndex db{static_cast<uint16_t>(index)};
    keys += node.store().db(db).expired_backlog(node.now_ms());
  }
  return keys;
}

double expired_percent(Node& node) {
  uint64_t expiring = 0;
  for (size_t index = 0; index < node.store().databases(); ++index) {
    expiring += node.store().db(DbIndex{static_cast<uint16_t>(index)}).expiring();
  }
  // The backlog is an estimate.
  return std::min(100 * ratio(expired_backlog(node), expiring), 100.0);
}

int64_t mean_ttl_ms(Node& node, DbIndex db) {
  store::Keyspace& keyspace = node.store().db(db);
  if (keyspace.expiring() == 0) return 0;
  size_t looked_at = 0;
  int64_t found = 0;
  double sum_ms = 0;
  const auto visit = [&](const store::Entry& entry) {
    ++looked_at;
    if (!entry.has_expiry()) return;
    ++found;
    sum_ms += static_cast<double>(std::max<int64_t>(entry.expire_at_ms() - node.now_ms(), 0));
  };
  uint64_t cursor = 0;
  do {
    cursor = keyspace.scan(cursor, kSampleStep, visit);
  } while (cursor != 0 && looked_at < kSample);
  return found == 0 ? 0 : static_cast<int64_t>(sum_ms / static_cast<double>(found));
}

}  // namespace quoris::server
