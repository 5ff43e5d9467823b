#include "server/monitoring/memory_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "server/node.h"

namespace quoris::server {

double MemoryFigures::dataset_percent() const { return 100 * ratio(dataset, used - startup); }

double MemoryFigures::peak_percent() const { return 100 * ratio(used, peak); }

uint64_t MemoryFigures::bytes_per_key() const { return keys == 0 ? 0 : (used - startup) / keys; }

double MemoryFigures::allocator_fragmentation() const {
  return ratio(allocator.active, allocator.allocated);
}

double MemoryFigures::allocator_rss() const { return ratio(allocator.resident, allocator.active); }

double MemoryFigures::rss_overhead() const { return ratio(resident, allocator.resident); }

double MemoryFigures::fragmentation() const { return ratio(resident, used); }

MemoryFigures memory_figures(Node& node) {
  MemoryFigures figures;
  figures.used = node.used_memory();
  figures.startup = std::min(node.startup_memory(), figures.used);
  figures.resident = node.host().resident_bytes();
  figures.allocator = node.host().allocator_stats();
  if (figures.allocator.allocated == 0) {
    // An allocator that tells nothing: what we know ourselves stands in.
    figures.allocator.allocated = figures.used;
    figures.allocator.active = figures.used;
    figures.allocator.resident = figures.resident;
  }
  LastingStats& lasting = node.stats().lasting;
  lasting.note_memory(figures.used, node.now_us() / 1'000'000);
  figures.peak = lasting.peak_memory;
  for (const Session* session : node.sessions()) figures.clients += session->memory();
  figures.clients_count = node.session_count();
  figures.lazily_pending = node.store().lazy_pending();

  figures.overhead = figures.startup + figures.clients;
  for (size_t index = 0; index < node.store().databases(); ++index) {
    const DbIndex db{static_cast<uint16_t>(index)};
    const store::Keyspace& keyspace = node.store().db(db);
    figures.overhead += keyspace.table_memory();
    if (keyspace.size() == 0) continue;
    figures.keys += keyspace.size();
    figures.databases.push_back({.db = db, .table = keyspace.table_memory()});
  }
  figures.overhead = std::min(figures.overhead, figures.used);
  figures.dataset = figures.used - figures.overhead;
  return figures;
}

double ratio(uint64_t a, uint64_t b) {
  return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
}

int64_t difference(uint64_t a, uint64_t b) {
  return static_cast<int64_t>(a) - static_cast<int64_t>(b);
}

std::string human_bytes(uint64_t bytes) {
  constexpr auto kUnits = std::to_array<char>({'K', 'M', 'G', 'T', 'P', 'E'});
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double scaled = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; scaled >= 1024 && unit + 1 < kUnits.size(); ++unit) scaled /= 1024;
  return fmt::format("{:.2f}{}", scaled, kUnits[unit]);
}

}  // namespace quoris::server
