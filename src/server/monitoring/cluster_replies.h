// What CLUSTER INFO, NODES, SLOTS and SHARDS answer, in redis-server 7.0.15's formats, from which
// cluster clients build their maps.
//
// What Redis has no word for: every node is a `master`, because each is primary of some slots and
// replica of others. A node's epoch is the highest one among the partitions that it is primary of.
// Times of pings and pongs are 0: nobody reads them, and replies can be kept while nothing changes.
// Where clients are told a host name, it stands as address and as host name: some read only one.
// Pure, over ClusterView. Used by: CLUSTER. Source: redis.io CLUSTER INFO, NODES, SLOTS, SHARDS;
// compared with redis-server in redis-tests/test_cluster_commands.py.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply_writer.h"
#include "server/monitoring/cluster_view.h"

namespace quoris::server {

// "...\n" per node, without an end of its own.
[[nodiscard]] std::string cluster_nodes_text(const ClusterView& view);

// `with_replicas`: the other replicas that are up stand behind each run's primary. Without them
// runs end only where the primary changes.
void write_cluster_slots(resp::ReplyWriter& reply, const ClusterView& view, bool with_replicas);
void write_cluster_shards(resp::ReplyWriter& reply, const ClusterView& view);

// Slots by how their primary fares, and the epochs, as CLUSTER INFO counts them.
struct ClusterFigures {
  bool is_ok = false;  // a leader is known, and no slot is without a primary
  uint32_t slots_assigned = 0;
  uint32_t slots_ok = 0;
  uint32_t slots_suspect = 0;  // Redis: pfail
  uint32_t slots_down = 0;     // Redis: fail
  size_t known_nodes = 0;
  size_t nodes_with_slots = 0;
  Epoch current_epoch{0};  // the highest of all
  Epoch own_epoch{0};
};

[[nodiscard]] ClusterFigures cluster_figures(const ClusterView& view);

struct ChannelFigures {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t queue_full = 0;  // messages that were not taken
};

[[nodiscard]] std::string cluster_info_text(const ClusterFigures& figures,
                                            const ChannelFigures& channel);

// The replies that a hundred clients ask for at once when a node is gone. They are made anew when
// the map's version, somebody's state or a link has changed, in short when they would differ.
class ClusterReplies {
 public:
  enum class Kind : uint8_t { nodes, slots, slots_of_primaries, shards };

  // Writes the reply, kept or new.
  void write(Kind kind, const ClusterView& view, resp::ReplyWriter& reply);

  // How often one had to be made.
  [[nodiscard]] uint64_t made() const { return made_; }

 private:
  static constexpr size_t kKinds = 4;

  // What the replies depend on. Its own number, because it may be let in.
  struct Key {
    LogIndex version{0};
    NodeNumber self{0};
    std::vector<MemberLook> looks;

    bool operator==(const Key&) const = default;
  };

  struct Kept {
    Key key;
    std::string bytes;  // as they go to the client; empty: none yet
  };

  // By kind and protocol.
  std::array<std::array<Kept, 2>, kKinds> kept_;
  uint64_t made_ = 0;
};

}  // namespace quoris::server
