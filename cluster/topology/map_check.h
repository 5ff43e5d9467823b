// What a cluster map always is, written down as code: for maps that come from a disk or a peer, for
// debug checks, and for the simulator, which looks at every map of every node.
//
// Pure. Used by: map_codec, map_change, the simulator, tests.
#pragma once

#include <string_view>

#include "base/result.h"
#include "cluster/topology/cluster_map.h"

namespace quoris::topology {

// --- fields ---------------------------------------------------------------------------------

[[nodiscard]] bool is_id(std::string_view text);       // 40 lower-case hexadecimal digits
[[nodiscard]] bool is_name(std::string_view text);     // letters, digits, '.', '_', '-'
[[nodiscard]] bool is_host(std::string_view text);     // as a name, ':' and '%' too (IPv6)
[[nodiscard]] bool is_program(std::string_view text);  // as a name, '+' and '~' too; may be empty
[[nodiscard]] bool is_state(MemberState state);
[[nodiscard]] bool are_addresses(const Addresses& addresses);

// --- maps -----------------------------------------------------------------------------------

// One map by itself: fields within their limits; members, settings and sets sorted and without
// doubles; no number from next_number on; each partition has R (and N) of members, at least as many
// as the replication factor in force, its primary among them in that node's present life, and
// `since` for exactly those, none later than its epoch. The error says what is wrong where.
[[nodiscard]] Status check(const ClusterMap& map);

// A map and a later one of the same cluster, any number of changes between them: versions, numbers
// given, boots and epochs never go back; a number stays with its identity, and one that was given
// before is not given to another; a partition that changed has a later epoch; `since` of a node
// that stayed in its partition only changes to an epoch after the earlier map's.
[[nodiscard]] Status check_succession(const ClusterMap& before, const ClusterMap& after);

}  // namespace quoris::topology
