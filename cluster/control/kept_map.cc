#include "cluster/control/kept_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/topology/map_change.h"
#include "cluster/topology/map_codec.h"

namespace quoris::control {

using topology::ClusterMap;

LogIndex last_index(const raft::StoredState& state) {
  const LogIndex end = state.entries.empty() ? state.base.index : state.entries.back().index;
  return state.snapshot == nullptr ? end : std::max(end, state.snapshot->index);
}

Result<ClusterMap> newest_map(const raft::StoredState& state) {
  ClusterMap map;
  if (state.snapshot != nullptr) {
    Result<ClusterMap> decoded = topology::decode_map(state.snapshot->data);
    if (!decoded) return decoded.error();
    map = std::move(decoded).value();
    if (map.version < state.snapshot->index) topology::skip(map, state.snapshot->index);
  }
  for (const raft::LogEntry& entry : state.entries) {
    if (entry.index <= map.version) continue;
    if (entry.kind != raft::EntryKind::command) {
      topology::skip(map, entry.index);
      continue;
    }
    const auto change = topology::decode_change(entry.payload);
    if (!change) {
      return Error{Errc::unsupported,
                   fmt::format("entry {} of the log changes the cluster map in a way that this "
                               "version does not know",
                               raw(entry.index))};
    }
    // What is refused changes nothing, as on every other node.
    static_cast<void>(topology::apply(map, entry.index, *change));
  }
  if (map.version < last_index(state)) topology::skip(map, last_index(state));
  return map;
}

}  // namespace quoris::control
