#include "cluster/topology/balance.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/assert.h"

namespace quoris::topology {

namespace {

constexpr size_t kNobody = std::numeric_limits<size_t>::max();

class Balancer {
 public:
  Balancer(std::vector<Load>& loads, const Exchange& exchange)
      : loads_(loads), exchange_(exchange) {}

  bool run() {
    bool has_moved = true;
    while (has_moved) {
      has_moved = false;
      stuck_.assign(loads_.size(), false);
      for (size_t node = worst(); node != kNobody; node = worst()) {
        if (!exchange_.may_go_on()) return false;
        const bool has_helped = excess(node) > 0 ? push_from(node) : pull_to(node);
        stuck_[node] = !has_helped;
        has_moved = has_moved || has_helped;
      }
      if (std::ranges::find(stuck_, true) == stuck_.end()) return true;
    }
    return false;
  }

 private:
  [[nodiscard]] int64_t excess(size_t node) const {
    return int64_t{loads_[node].items} - int64_t{loads_[node].bounds.high};
  }

  [[nodiscard]] int64_t lack(size_t node) const {
    return int64_t{loads_[node].bounds.low} - int64_t{loads_[node].items};
  }

  // Who has most too many; if nobody has, who has most too few.
  [[nodiscard]] size_t worst() const {
    size_t fullest = kNobody;
    size_t emptiest = kNobody;
    for (size_t node = 0; node < loads_.size(); ++node) {
      if (stuck_[node]) continue;
      if (excess(node) > 0 && (fullest == kNobody || excess(node) > excess(fullest))) {
        fullest = node;
      }
      if (loads_[node].takes && lack(node) > 0 &&
          (emptiest == kNobody || lack(node) > lack(emptiest))) {
        emptiest = node;
      }
    }
    return fullest != kNobody ? fullest : emptiest;
  }

  bool push_from(size_t node) {
    return move_along(node, [this](size_t sink) {
      return loads_[sink].takes && loads_[sink].items < loads_[sink].bounds.high;
    });
  }

  // The most loaded that can spare one is asked first.
  bool pull_to(size_t node) {
    std::vector<size_t> givers;
    for (size_t giver = 0; giver < loads_.size(); ++giver) {
      if (giver != node && lack(giver) < 0) givers.push_back(giver);
    }
    std::ranges::stable_sort(
        givers, [this](size_t a, size_t b) { return is_less_loaded(loads_[b], loads_[a]); });
    return std::ranges::any_of(givers, [this, node](size_t giver) {
      return move_along(giver, [node](size_t sink) { return sink == node; });
    });
  }

  // Moves an item of `source` along the shortest chain to a sink; of several sinks equally far away
  // to the least loaded. False: none can be reached.
  template <class IsSink>
  bool move_along(size_t source, const IsSink& is_sink) {
    std::vector<size_t> reached_from(loads_.size(), kNobody);
    std::vector<size_t> frontier = {source};
    while (!frontier.empty()) {
      std::vector<size_t> reached;
      for (const size_t from : frontier) {
        for (size_t to = 0; to < loads_.size(); ++to) {
          if (to == source || reached_from[to] != kNobody || !can_give(from, to)) continue;
          reached_from[to] = from;
          reached.push_back(to);
        }
      }
      size_t best = kNobody;
      for (const size_t node : reached) {
        if (!is_sink(node)) continue;
        if (best == kNobody || is_less_loaded(loads_[node], loads_[best])) best = node;
      }
      if (best != kNobody) {
        move_back_to(source, best, reached_from);
        return true;
      }
      frontier = std::move(reached);
    }
    return false;
  }

  // From the sink backwards: what a node gives away was never what it is about to get.
  void move_back_to(size_t source, size_t sink, const std::vector<size_t>& reached_from) {
    for (size_t to = sink; to != source; to = reached_from[to]) {
      const size_t from = reached_from[to];
      const std::optional<uint32_t> item = cheapest(from, to);
      QUORIS_ASSERT(item.has_value());
      exchange_.move(from, to, *item);
    }
    --loads_[source].items;
    ++loads_[sink].items;
  }

  [[nodiscard]] bool can_give(size_t from, size_t to) const {
    bool can = false;
    exchange_.offers(from, to, [&can](uint32_t) {
      can = true;
      return false;
    });
    return can;
  }

  [[nodiscard]] std::optional<uint32_t> cheapest(size_t from, size_t to) const {
    std::optional<uint32_t> best;
    uint64_t best_cost = 0;
    exchange_.offers(from, to, [&](uint32_t item) {
      const uint64_t cost = exchange_.cost(from, to, item);
      if (!best || cost < best_cost) {
        best = item;
        best_cost = cost;
      }
      return true;
    });
    return best;
  }

  std::vector<Load>& loads_;
  const Exchange& exchange_;
  std::vector<bool> stuck_;
};

}  // namespace

bool is_less_loaded(const Load& a, const Load& b) { return a.items * b.share < b.items * a.share; }

bool balance(std::vector<Load>& loads, const Exchange& exchange) {
  return Balancer(loads, exchange).run();
}

}  // namespace quoris::topology
