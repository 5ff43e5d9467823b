#include <limits>
#include <type_traits>

#include "cluster/topology/cluster_map.h"
#include "server/settings/setting_row.h"
#include "server/settings/special_settings.h"

namespace quoris::server {
namespace {

using V = SettingValues;

constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();
constexpr int64_t kInt32Min = std::numeric_limits<int32_t>::min();
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();
constexpr uint64_t kUint64Max = std::numeric_limits<uint64_t>::max();
constexpr int64_t kClientsMax = std::numeric_limits<uint32_t>::max();
constexpr int64_t kDatabasesMax = std::numeric_limits<uint16_t>::max();  // as DbIndex counts

constexpr std::string_view kLogLevels[] = {"debug", "verbose", "notice", "warning"};
constexpr std::string_view kEvictionPolicies[] = {
    "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
    "allkeys-lru",  "allkeys-lfu",  "allkeys-random",  "noeviction"};
constexpr std::string_view kAccessLevels[] = {"no", "local", "yes"};
constexpr std::string_view kClientModes[] = {"any", "slots"};
constexpr std::string_view kAppendFsync[] = {"everysec", "always", "no"};
static_assert(static_cast<size_t>(EvictionPolicy::noeviction) == std::size(kEvictionPolicies) - 1);
static_assert(static_cast<size_t>(LogLevel::warning) == std::size(kLogLevels) - 1);

template <auto Field>
constexpr Choice choice(std::span<const std::string_view> names) {
  return {.names = names,
          .get = [](const V& values) { return static_cast<uint8_t>(values.*Field); },
          .set =
              [](V& values, uint8_t value) {
                values.*Field =
                    static_cast<std::remove_reference_t<decltype(values.*Field)>>(value);
              }};
}

constexpr SettingRow kRows[] = {
    // --- network ---
    {.name = "bind",
     .group = SettingGroup::network,
     .flags = multi_word | on_edge,
     .kind = Custom{.parse = &special::parse_bind,
                    .format = &special::format_bind,
                    .lines = &special::bind_lines,
                    .allowed = "up to 16 addresses"},
     .help = "Addresses to listen on. `*` is every IPv4 interface, `::*` every IPv6 one; a leading "
             "`-` makes an address optional: where this machine doesn't have it, it is left out "
             "instead of ending the start. No address at all (`\"\"`): no TCP."},
    {.name = "port",
     .group = SettingGroup::network,
     .flags = on_edge,
     .kind = Integer{.field = &V::port, .low = 0, .high = 65535},
     .help = "TCP port for clients. 0: no TCP, the unix socket only. A new port is opened before "
             "the old one is closed; connections that exist stay."},
    {.name = "tcp-backlog",
     .group = SettingGroup::network,
     .flags = immutable,
     .kind = Integer{.field = &V::tcp_backlog, .low = 0, .high = kInt32Max},
     .help = "Connections that may wait to be accepted. More helps when thousands of clients "
             "connect at once; the kernel cuts it at `net.core.somaxconn`."},
    {.name = "tcp-keepalive",
     .group = SettingGroup::network,
     .flags = on_edge,
     .kind = Integer{.field = &V::tcp_keepalive_s, .low = 0, .high = kInt32Max},
     .help = "Seconds of silence after which the kernel asks a client whether it is still there. "
             "0: never. A dead peer is dropped after the time and three probes, a third of the "
             "time apart: about twice the value. Less finds dead peers sooner and costs a packet "
             "per idle connection and interval. Holds for new connections."},
    {.name = "timeout",
     .group = SettingGroup::network,
     .kind = Integer{.field = &V::timeout_s, .low = 0, .high = kInt32Max},
     .help = "Seconds after which an idle client is closed. 0: never. Short values free the "
             "memory of forgotten connections (under 2 KiB each) and cost clients with pools a "
             "reconnect."},
    {.name = "unixsocket",
     .group = SettingGroup::network,
     .flags = immutable,
     .kind = Text{.field = &V::unixsocket, .rule = Text::Rule::path},
     .help = "Path of a unix socket to listen on as well. Empty: none. A stale socket file is "
             "replaced, a file of another kind is left alone and ends the start."},
    {.name = "unixsocketperm",
     .group = SettingGroup::network,
     .flags = immutable,
     .kind = Octal{.field = &V::unixsocketperm, .low = 0, .high = 0777},
     .help = "Permissions of the unix socket, octal as for chmod (`700`). 0: what the umask "
             "leaves."},
    {.name = "protected-mode",
     .group = SettingGroup::network,
     .kind = YesNo{&V::protected_mode},
     .help = "Refuses clients from other machines while no password is set. So a server that was "
             "started in haste on a public address isn't open to the world."},
    {.name = "requirepass",
     .group = SettingGroup::network,
     .flags = sensitive,
     .kind = Text{.field = &V::requirepass},
     .help = "Password that clients must give with AUTH or HELLO before anything else. Empty: "
             "none is asked for. Choose a long one: passwords can be tried at network speed. A "
             "flag is seen by everybody on the machine (`ps`); the config file or "
             "`QUORIS_REQUIREPASS` isn't. A new password holds for new connections."},

    // --- limits ---
    {.name = "maxclients",
     .group = SettingGroup::limits,
     .flags = on_edge,
     .kind = Integer{.field = &V::maxclients, .low = 1, .high = kClientsMax},
     .help =
         "Connections at a time; more are told so and closed. Each needs a file descriptor: "
         "the start raises the limit of the process (`ulimit -n`) to this number and 96, and "
         "lowers the setting where the system refuses that. A member of a cluster needs 256 more "
         "for its peers."},
    {.name = "maxmemory",
     .group = SettingGroup::limits,
     .kind = MemorySize{.field = &V::maxmemory, .low = 0, .high = kUint64Max},
     .help =
         "Memory for data and clients, in bytes. 0: no limit. Above it commands that can need "
         "memory evict keys as `maxmemory-policy` allows, or are refused with `-OOM`; reads and "
         "deletes go on. Leave room between it and the machine's memory: the allocator's waste "
         "comes on top."},
    {.name = "maxmemory-policy",
     .group = SettingGroup::limits,
     .kind = choice<&V::maxmemory_policy>(kEvictionPolicies),
     .help =
         "Which keys go at `maxmemory`: of all, or of those with an expiry (`volatile`), the "
         "least recently (`lru`) or least frequently used (`lfu`), any (`random`), or those that "
         "expire first (`ttl`). It decides what OBJECT IDLETIME and OBJECT FREQ can answer."},
    {.name = "maxmemory-samples",
     .group = SettingGroup::limits,
     .kind = Integer{.field = &V::maxmemory_samples, .low = 1, .high = 64},
     .help = "Keys that are looked at for each that is evicted: more choose better and cost more."},
    {.name = "maxmemory-eviction-tenacity",
     .group = SettingGroup::limits,
     .kind = Integer{.field = &V::maxmemory_eviction_tenacity, .low = 0, .high = 100},
     .help = "How long one command may be held up by eviction, 0 (not at all) to 100 (until memory "
             "is below the limit); 10 is half a millisecond. What is left goes on behind it."},
    {.name = "activedefrag",
     .group = SettingGroup::limits,
     .kind = YesNo{.field = &V::activedefrag},
     .help =
         "Moves keys and elements that keep nearly empty pages, so that memory goes back to the "
         "system after much was deleted. Redis has this off by default."},
    {.name = "active-defrag-ignore-bytes",
     .group = SettingGroup::limits,
     .kind = MemorySize{.field = &V::active_defrag_ignore_bytes, .low = 1, .high = kUint64Max},
     .help = "Waste up to here is left alone."},
    {.name = "active-defrag-threshold-lower",
     .group = SettingGroup::limits,
     .kind = Integer{.field = &V::active_defrag_threshold_lower, .low = 0, .high = 1000},
     .help = "Active defragmentation leaves alone free memory up to this percentage of what is in "
             "use."},
    {.name = "active-defrag-cycle-max",
     .group = SettingGroup::limits,
     .kind = Integer{.field = &V::active_defrag_cycle_max, .low = 1, .high = 99},
     .help = "Share of the time, in percent, that it may take while there is something to move; in "
             "slices of a millisecond."},
    {.name = "client-query-buffer-limit",
     .group = SettingGroup::limits,
     .kind = MemorySize{.field = &V::client_query_buffer_limit,
                        .low = kMiB,
                        .high = static_cast<uint64_t>(kInt64Max)},
     .help = "Bytes of unfinished requests, or of commands queued in MULTI, that one client may "
             "have the server hold. A client above it is closed. Less bounds what hostile "
             "clients cost (this value times `maxclients` at worst), but no request larger than "
             "it can be sent."},
    {.name = "client-output-buffer-limit",
     .group = SettingGroup::limits,
     .flags = multi_word | adds_up,
     .kind = Custom{.parse = &special::parse_output_limits,
                    .format = &special::format_output_limits,
                    .lines = &special::output_limit_lines,
                    .allowed = "class, hard limit, soft limit, seconds; for one class or more"},
     .help = "Memory for replies that a client doesn't read. Per class (`normal`, `replica`, "
             "`pubsub`): above the hard limit the client is closed at once, above the soft limit "
             "after so many seconds; 0: no limit. Slow readers hold back nobody else, but cost "
             "memory: with no limit as much as they ask for. With a limit a large reply on a "
             "slow line closes the connection. Classes that aren't named keep their limits."},
    {.name = "proto-max-bulk-len",
     .group = SettingGroup::limits,
     .kind = MemorySize{.field = &V::proto_max_bulk_len,
                        .low = kMiB,
                        .high = static_cast<uint64_t>(kInt64Max)},
     .help = "Longest string in a request, and longest value that commands such as APPEND and "
             "SETRANGE build."},

    // --- data ---
    {.name = "databases",
     .group = SettingGroup::data,
     .flags = immutable,
     .kind = Integer{.field = &V::databases, .low = 1, .high = kDatabasesMax},
     .help = "Number of databases for SELECT. An empty one costs next to nothing. A cluster has "
             "database 0 only, whatever is said here."},
    {.name = "data-dir",
     .alias = "dir",
     .group = SettingGroup::data,
     .flags = guarded,
     .kind = Text{.field = &V::data_dir, .rule = Text::Rule::required_path},
     .help = "Directory of the data, of one node at a time; made at the start if it is missing."},
    {.name = "save",
     .group = SettingGroup::data,
     .flags = multi_word | adds_up,
     .kind = Custom{.parse = &special::parse_save,
                    .format = &special::format_save,
                    .lines = &special::save_lines,
                    .allowed = "pairs of seconds and changes, or `\"\"`"},
     .help = "When to write a snapshot: after so many seconds with at least so many changes. "
             "Several pairs are alternatives, `\"\"` is never. With any of them SHUTDOWN writes "
             "one, too."},
    {.name = "stop-writes-on-bgsave-error",
     .group = SettingGroup::data,
     .kind = YesNo{&V::stop_writes_on_bgsave_error},
     .help = "Whether writes are refused after a snapshot has failed, until one succeeds; only "
             "where there are `save` points."},
    {.name = "appendonly",
     .group = SettingGroup::data,
     .kind = YesNo{&V::appendonly},
     .help = "Whether writes go to a log on disk before they are answered. `no`: only snapshots "
             "are kept."},
    {.name = "appendfsync",
     .group = SettingGroup::data,
     .kind = choice<&V::appendfsync>(kAppendFsync),
     .help = "When the log is forced to the disk. `always`: before a write is answered, many "
             "with one fsync. `everysec`: once a second; a power cut costs up to two seconds. "
             "`no`: when the system likes. A killed process loses nothing under any of them."},
    {.name = "auto-aof-rewrite-percentage",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::auto_aof_rewrite_percentage, .low = 0, .high = kInt32Max},
     .help = "When the log since the last snapshot is so much of the snapshot's size, another one "
             "is written and what it makes needless goes. 0: never by itself. Smaller: less disk, "
             "a quicker start; larger: fewer snapshots."},
    {.name = "auto-aof-rewrite-min-size",
     .group = SettingGroup::data,
     .kind = MemorySize{.field = &V::auto_aof_rewrite_min_size, .low = 0, .high = kUint64Max},
     .help = "The log is left alone while it is smaller than this."},
    {.name = "lfu-log-factor",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::lfu_log_factor, .low = 0, .high = kInt32Max},
     .help = "How slowly the access counter of the `lfu` policies grows: an access counts with "
             "probability 1 / ((counter - 5) * factor + 1), up to 255. Larger tells very hot keys "
             "from hot ones, smaller tells cold ones apart."},
    {.name = "lfu-decay-time",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::lfu_decay_time, .low = 0, .high = kInt32Max},
     .help = "Minutes after which the access counter of the `lfu` policies loses one. 0: never. "
             "Shorter forgets yesterday's hot keys sooner, longer is not misled by a pause."},
    {.name = "hash-max-listpack-entries",
     .alias = "hash-max-ziplist-entries",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::hash_max_listpack_entries, .low = 0, .high = kInt64Max},
     .help = "Fields up to which a hash is held in one block of memory; with more it becomes a "
             "table, for good. A block takes a fraction of the memory, but each lookup reads it "
             "from its beginning, and a change may copy it. A block never holds more than 32767 "
             "fields or a MiB. Holds for the next change of a hash."},
    {.name = "hash-max-listpack-value",
     .alias = "hash-max-ziplist-value",
     .group = SettingGroup::data,
     .kind = MemorySize{.field = &V::hash_max_listpack_value,
                        .low = 0,
                        .high = static_cast<uint64_t>(kInt64Max)},
     .help = "Bytes up to which a field and its value may be long in a hash that is one block; a "
             "longer one makes a table of it."},
    {.name = "set-max-intset-entries",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::set_max_intset_entries, .low = 0, .high = kInt64Max},
     .help = "Members up to which a set of integers is a sorted array of 2 to 8 bytes each; with "
             "more it becomes a table. Adding to a long array moves what stands behind."},
    {.name = "zset-max-listpack-entries",
     .alias = "zset-max-ziplist-entries",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::zset_max_listpack_entries, .low = 0, .high = kInt64Max},
     .help = "Members up to which a sorted set is held in one block of memory, as "
             "`hash-max-listpack-entries` does for a hash."},
    {.name = "zset-max-listpack-value",
     .alias = "zset-max-ziplist-value",
     .group = SettingGroup::data,
     .kind = MemorySize{.field = &V::zset_max_listpack_value,
                        .low = 0,
                        .high = static_cast<uint64_t>(kInt64Max)},
     .help = "Bytes up to which a member may be long in a sorted set that is one block."},
    {.name = "list-max-listpack-size",
     .alias = "list-max-ziplist-size",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::list_max_listpack_size, .low = kInt32Min, .high = kInt32Max},
     .help = "Size of the blocks that a list is made of: -1 to -5 are 4, 8, 16, 32 and 64 KiB, a "
             "positive number is the items in a block. Larger blocks take less memory per item; "
             "smaller ones make changes in the middle cheaper."},
    {.name = "list-compress-depth",
     .group = SettingGroup::data,
     .kind = Integer{.field = &V::list_compress_depth, .low = 0, .high = kInt32Max},
     .help = "Accepted because config files have it; changes nothing: lists are not compressed."},

    // --- commands ---
    {.name = "lazyfree-lazy-user-del",
     .group = SettingGroup::commands,
     .kind = YesNo{&V::lazyfree_lazy_user_del},
     .help = "Makes DEL do what UNLINK does: the key goes at once, its memory in the "
             "background. Deleting large values then holds up nobody; the memory comes back "
             "somewhat later."},
    {.name = "lazyfree-lazy-user-flush",
     .group = SettingGroup::commands,
     .kind = YesNo{&V::lazyfree_lazy_user_flush},
     .help = "Makes FLUSHALL and FLUSHDB without an argument mean ASYNC instead of SYNC."},
    {.name = "enable-debug-command",
     .group = SettingGroup::commands,
     .flags = immutable,
     .kind = choice<&V::enable_debug_command>(kAccessLevels),
     .help = "Who may use DEBUG: nobody, clients of this machine (`local`), everybody. DEBUG can "
             "stop the server for seconds."},
    {.name = "consistency",
     .group = SettingGroup::commands,
     .flags = multi_word,
     .kind = Custom{.parse = &special::parse_consistency,
                    .format = &special::format_consistency,
                    .allowed = "`ANY`, `ONE`, `QUORUM`, `ALL`, `STRONG`, or `READ level WRITE "
                               "level`"},
     .help = "Consistency levels that a new connection starts with; CONSISTENCY changes them per "
             "connection. Alone, a node holds every copy there is, and all levels mean the "
             "same."},

    {.name = "notify-keyspace-events",
     .group = SettingGroup::commands,
     .kind = Custom{.parse = &special::parse_events,
                    .format = &special::format_events,
                    .lines = &special::event_lines,
                    .allowed = "letters of `KEAg$lshzxetmdn`"},
     .help = "Events of keys that are published as messages. `K`: on `__keyspace@<db>__:<key>`, "
             "`E`: on `__keyevent@<db>__:<event>`; at least one of them is needed. Which events: "
             "`g` generic ones (DEL, EXPIRE, RENAME ...), `$` of strings, `l` lists, `s` sets, `h` "
             "hashes, `z` sorted sets, `t` streams, `d` modules, `x` expired keys, `e` evicted "
             "ones; `A` is all of these; `n` new keys, `m` misses. Empty: none. Each event costs "
             "about as much as a PUBLISH while somebody is subscribed to anything."},

    // --- cluster ---
    {.name = "cluster-port",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = Integer{.field = &V::cluster_port, .low = 0, .high = 65535},
     .help =
         "TCP port for the other nodes of a cluster. With it a node that has no `seed` founds a "
         "cluster. 0: none, and the node runs alone; in a cluster it is then the one of the "
         "last start, or `port` and 10000."},
    {.name = "cluster-name",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = Custom{.parse = &special::parse_cluster_name,
                    .format = &special::format_cluster_name,
                    .lines = &special::cluster_name_lines,
                    .allowed = "at most 64 letters, digits, `-`, `_` and `.`"},
     .help = "Name of the cluster that is founded, or joined: nodes of another one are refused. So "
             "a wrong `seed` mixes no two clusters. Empty: `quoris`, or the one of the last "
             "start."},
    {.name = "cluster-secret",
     .group = SettingGroup::cluster,
     .flags = immutable | sensitive,
     .kind = Text{.field = &V::cluster_secret, .rule = Text::Rule::line},
     .help = "What all nodes of the cluster know and nobody else: each proves it to the other and "
             "never sends it. Empty: anybody who reaches the cluster port may join. A flag is seen "
             "by everybody on the machine (`ps`); the config file or `QUORIS_CLUSTER_SECRET` "
             "isn't. The data directory keeps it for the next start."},
    {.name = "seed",
     .group = SettingGroup::cluster,
     .flags = immutable | multi_word | adds_up,
     .kind = Custom{.parse = &special::parse_seeds,
                    .format = &special::format_seeds,
                    .lines = &special::seed_lines,
                    .allowed = "up to 64 of `host:port` or `[IPv6 address]:port`"},
     .help = "Cluster ports of nodes whose cluster is to be joined, one is enough; a member knows "
             "the others by itself. One that isn't up yet is tried until it is. Several are given "
             "one behind the other, or with the flag repeated."},
    {.name = "announce-host",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = Custom{.parse = &special::parse_announce_host,
                    .format = &special::format_announce_host,
                    .lines = &special::announce_host_lines,
                    .allowed = "a host name or an address"},
     .help = "Name or address by which nodes and clients reach this node. Empty: the address that "
             "the others see. To be given where that is not the right one, behind address "
             "translation or in containers."},
    {.name = "rack",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = Custom{.parse = &special::parse_rack,
                    .format = &special::format_rack,
                    .lines = &special::rack_lines,
                    .allowed = "at most 64 letters, digits, `-`, `_` and `.`"},
     .help = "What this node may fail together with: a rack, a room, a zone. Copies of the same "
             "data go to different ones as far as there are some. Fixed when the node joins."},
    {.name = "weight",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = Integer{.field = &V::weight, .low = 0, .high = topology::kWeightMax},
     .help = "Share of the data that this node takes: one of weight 2 holds twice as much as one "
             "of weight 1. Fixed when the node joins. 0: 1, or that of the last start."},
    {.name = "replication-factor",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind =
         Integer{
             .field = &V::replication_factor, .low = 0, .high = topology::kReplicationFactorMax},
     .help =
         "Copies of each key that the cluster keeps as soon as it has as many nodes; said by "
         "the founder, and refused where the cluster has another. More copies survive more "
         "failures, and cost memory and traffic for each write. 0: 3, or what the cluster has."},
    {.name = "partitions",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = Custom{.parse = &special::parse_partitions,
                    .format = &special::format_partitions,
                    .allowed = "0, or a power of two up to 16384"},
     .help = "Parts in which the cluster's data is placed and moved; fixed when it is founded. "
             "More spread it more evenly over many nodes, and make the cluster map larger. 0: 512, "
             "or what the cluster has."},
    {.name = "enable-fault-command",
     .group = SettingGroup::cluster,
     .flags = immutable,
     .kind = choice<&V::enable_fault_command>(kAccessLevels),
     .help = "Who may use FAULT: nobody, clients of this machine (`local`), everybody. FAULT makes "
             "the links to other nodes drop, delay and double what they carry."},
    {.name = "cluster-client-mode",
     .group = SettingGroup::cluster,
     .kind = choice<&V::cluster_client_mode>(kClientModes),
     .help = "What clients of this node expect of a cluster. `any`: any node answers for all keys. "
             "`slots`: clients that route by themselves, as they do with Redis Cluster: they are "
             "sent to the owner of a key (`-MOVED`), commands without keys are about this node's "
             "part, and commands on several keys need them in one slot. So far only CLUSTER SLOTS "
             "follows it: no command is redirected yet."},

    // --- monitoring ---
    {.name = "slowlog-log-slower-than",
     .group = SettingGroup::monitoring,
     .kind = Integer{.field = &V::slowlog_log_slower_than_us, .low = -1, .high = kInt64Max},
     .help = "Microseconds above which a command enters the slow log. 0: every command; -1: none. "
             "An entry costs a copy of the arguments (cut at 32 of 128 bytes)."},
    {.name = "slowlog-max-len",
     .group = SettingGroup::monitoring,
     .kind = Integer{.field = &V::slowlog_max_len, .low = 0, .high = kInt64Max},
     .help = "Entries that the slow log keeps, the newest ones; at most about 5 KiB each."},
    {.name = "latency-monitor-threshold",
     .group = SettingGroup::monitoring,
     .kind = Integer{.field = &V::latency_monitor_threshold_ms, .low = 0, .high = kInt64Max},
     .help = "Milliseconds from which on an event is kept for LATENCY. 0: none is."},
    {.name = "latency-tracking",
     .group = SettingGroup::monitoring,
     .kind = YesNo{&V::latency_tracking},
     .help = "Keeps a histogram of times per command, for LATENCY HISTOGRAM and INFO "
             "latencystats. Costs nanoseconds per call and about 5 KiB per command in use."},
    {.name = "latency-tracking-info-percentiles",
     .group = SettingGroup::monitoring,
     .flags = multi_word,
     .kind = Custom{.parse = &special::parse_percentiles,
                    .format = &special::format_percentiles,
                    .lines = &special::percentile_lines,
                    .allowed = "numbers from 0 to 100"},
     .help = "Percentiles that INFO latencystats shows per command."},

    // --- process ---
    {.name = "node-id",
     .group = SettingGroup::process,
     .flags = immutable,
     .kind = Custom{.parse = &special::parse_node_id,
                    .format = &special::format_node_id,
                    .lines = &special::node_id_lines,
                    .allowed = "at most 64 letters, digits, `-`, `_` and `.`"},
     .help = "Name of this node in NODES, for as long as its data directory lives. Empty: one is "
             "drawn for a new directory."},
    {.name = "loglevel",
     .group = SettingGroup::process,
     .flags = on_edge,
     .kind = choice<&V::loglevel>(kLogLevels),
     .help = "Least severe lines that are logged. State changes are logged, never single "
             "commands."},
    {.name = "log-debug",
     .group = SettingGroup::process,
     .flags = multi_word | on_edge,
     .kind = Custom{.parse = &special::parse_log_topics,
                    .format = &special::format_log_topics,
                    .lines = &special::log_topic_lines,
                    .allowed = "`network`, `expiry`, `replication`, `gossip`, `repair`, `raft`, "
                               "with commas between them"},
     .help = "Topics to follow closely in the log, whatever `loglevel` says. Empty: none. For "
             "looking into one part for a while; they can be talkative."},
    {.name = "logfile",
     .group = SettingGroup::process,
     .flags = immutable,
     .kind = Text{.field = &V::logfile, .rule = Text::Rule::path},
     .help = "File to log to; its directory must be there. Empty: standard output."},
    {.name = "pidfile",
     .group = SettingGroup::process,
     .flags = immutable,
     .kind = Text{.field = &V::pidfile, .rule = Text::Rule::path},
     .help = "File that holds the process id while the server runs. Empty: none."},
    {.name = "hz",
     .group = SettingGroup::process,
     .kind =
         Integer{.field = &V::hz, .low = 0, .high = kInt32Max, .clamp_low = 1, .clamp_high = 500},
     .help = "How many times a second clients are looked after (a share of them each time, all of "
             "them within a second), rates are sampled and the memory peak is taken. Higher: "
             "smoother, and more CPU while idle. Expiry paces itself by what there is to do."},
    {.name = "daemonize",
     .group = SettingGroup::process,
     .flags = immutable,
     .kind =
         Custom{
             .parse = &special::parse_daemonize, .format = &special::format_no, .allowed = "`no`"},
     .help = "Accepted for start scripts; the server stays in the foreground. Start it as a "
             "service, or with `&`."},
    {.name = "supervised",
     .group = SettingGroup::process,
     .flags = immutable,
     .kind =
         Custom{
             .parse = &special::parse_supervised, .format = &special::format_no, .allowed = "`no`"},
     .help = "Accepted for start scripts; under systemd use `Type=exec`."},
};

}  // namespace

std::span<const SettingRow> setting_rows() { return kRows; }

}  // namespace quoris::server
