#include "tests/cluster/raft/simulated_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"

namespace quoris::raft::testing {

namespace {

constexpr uint64_t kMillionth = 1'000'000;
// Within it all must be well again after the last fault.
constexpr uint64_t kRecoveryUs = 30'000'000;

NodeNumber number(uint16_t node) { return NodeNumber{node}; }

SnapshotPtr first_snapshot(uint16_t voters) {
  Snapshot snapshot{.index = LogIndex{1}, .term = Term{1}, .configuration = {}, .data = {}};
  for (uint16_t node = 1; node <= voters; ++node) {
    snapshot.configuration.voters.push_back(number(node));
  }
  const uint64_t digest = 1;
  snapshot.data.assign(reinterpret_cast<const char*>(&digest), sizeof digest);
  return std::make_shared<Snapshot>(std::move(snapshot));
}

uint64_t digest_of(const Snapshot& snapshot) {
  uint64_t digest = 0;
  QUORIS_ASSERT(snapshot.data.size() >= sizeof digest);
  std::memcpy(&digest, snapshot.data.data(), sizeof digest);
  return digest;
}

}  // namespace

Setup random_setup(uint64_t seed, uint16_t voters) {
  sim::SimRng rng(seed * 977 + voters);
  const auto either = [&rng](uint64_t a, uint64_t b) { return rng.below(2) == 0 ? a : b; };
  Setup setup;
  setup.seed = seed;
  setup.voters = voters;
  setup.spares = static_cast<uint16_t>(rng.below(3));
  setup.disk_us_max = either(2000, 60'000);
  setup.disk_stall_permille = either(0, 10);
  setup.drift_ppm_max = 4000;
  setup.propose_us = either(5000, 50'000);
  setup.compact_after = either(20, 200);
  setup.options.entries_kept = rng.below(30);
  setup.network = {.loss_permille = either(0, rng.below(150)),
                   .duplicate_permille = rng.below(100),
                   .late_permille = either(0, rng.below(60)),
                   .late_us = either(400'000, 3'000'000),
                   .delay_min_us = 200,
                   .delay_max_us = 300 + rng.below(either(5000, 60'000))};
  setup.faults = {.crash_us = either(700'000, 5'000'000),
                  .pause_us = either(0, 2'000'000),
                  .cut_us = either(0, 1'500'000),
                  .change_us = either(0, 600'000),
                  .hand_over_us = either(0, 1'000'000)};
  return setup;
}

SimulatedCluster::SimulatedCluster(const Setup& setup)
    : setup_(setup), env_(setup.seed), rng_(setup.seed ^ 0x5eed) {
  const SnapshotPtr first = first_snapshot(setup.voters);
  digests_[1] = digest_of(*first);
  for (uint16_t i = 1; i <= setup.voters + setup.spares; ++i) {
    auto node = std::make_unique<Node>();
    node->number = i;
    const SnapshotPtr mine = i <= setup.voters ? first : nullptr;
    node->disk = setup.has_files ? make_file_disk(env_.timers(), rng_, mine)
                                 : make_memory_disk(env_.timers(), rng_, mine);
    nodes_[i] = std::move(node);
    start(i);
  }
}

SimulatedCluster::~SimulatedCluster() = default;

// --- clocks, and how a node runs ----------------------------------------------------------------

uint64_t SimulatedCluster::local_us(const Node& node) {
  const uint64_t now = now_us();
  const int64_t drift =
      static_cast<int64_t>(now) * node.drift_ppm / static_cast<int64_t>(kMillionth);
  return node.clock_ahead_us + now + static_cast<uint64_t>(drift);
}

// Rounded down: not later than when the clock shows it.
uint64_t SimulatedCluster::real_us(const Node& node, uint64_t local_us) const {
  if (local_us < node.clock_ahead_us) return 0;
  const auto rate = static_cast<uint64_t>(static_cast<int64_t>(kMillionth) + node.drift_ppm);
  return (local_us - node.clock_ahead_us) * kMillionth / rate;
}

void SimulatedCluster::run_on(Node& node, std::function<void()> call) {
  if (node.raft == nullptr || !violation_.empty()) return;
  if (node.is_paused) {
    node.inbox.push_back(std::move(call));
    return;
  }
  ++tally_.events;
  call();
  drain(node);
}

void SimulatedCluster::drain(Node& node) {
  observe(node);
  for (;;) {
    Output output = node.raft->take_output();
    if (output.is_empty()) break;
    if (output.persist) {
      const bool stalls = has_faults_ && rng_.below(1000) < setup_.disk_stall_permille;
      node.disk->set_latency_us(1 + rng_.below(stalls ? 800'000 : setup_.disk_us_max));
      node.disk->persist(*std::move(output.persist));
    }
    for (const Outgoing& outgoing : output.messages) transmit(node, outgoing);
    if (output.restore != nullptr) restore(node, *output.restore);
    for (const LogEntry& entry : output.committed) apply(node, entry);
  }
  if (raw(node.raft->applied_index()) >= node.snapshot_at + setup_.compact_after) compact(node);
  observe(node);
  arm(node);
}

void SimulatedCluster::arm(Node& node) {
  const uint64_t at_us = std::max(real_us(node, node.raft->wake_at_us()) + 1, now_us() + 1);
  if (node.timer != TimerId{0} && node.timer_at_us == at_us) return;
  env_.timers().cancel(node.timer);
  node.timer_at_us = at_us;
  node.timer = env_.timers().schedule(at_us - now_us(), [this, &node] {
    node.timer = TimerId{0};
    run_on(node, [this, &node] { node.raft->tick(local_us(node)); });
  });
}

void SimulatedCluster::start(uint16_t which) {
  Node& node = *nodes_.at(which);
  QUORIS_ASSERT(node.raft == nullptr);
  const uint64_t life = ++node.life;
  node.clock_ahead_us = 1 + rng_.below(kMillionth * 1000);
  const uint64_t drift = rng_.below(2 * setup_.drift_ppm_max + 1);
  node.drift_ppm = static_cast<int64_t>(drift) - static_cast<int64_t>(setup_.drift_ppm_max);
  std::optional<StoredState> state = node.disk->start([this, &node, life](uint64_t sequence) {
    run_on(node, [this, &node, life, sequence] {
      if (node.life == life) node.raft->persisted(local_us(node), sequence);
    });
  });
  if (!state) return fail(fmt::format("node {} finds its state damaged", which));
  node.rng = std::make_unique<sim::SimRng>(rng_.next());
  Options options = setup_.options;
  options.self = number(which);
  node.digest = 0;
  node.applied = 0;
  node.snapshot_at = 0;
  node.was_leader = false;
  node.raft = std::make_unique<Raft>(options, *std::move(state), *node.rng, local_us(node));
  drain(node);
}

void SimulatedCluster::crash(uint16_t which, bool loses_power) {
  Node& node = *nodes_.at(which);
  QUORIS_ASSERT(node.raft != nullptr);
  ++tally_.crashes;
  node.raft.reset();
  node.inbox.clear();
  node.is_paused = false;
  env_.timers().cancel(std::exchange(node.timer, TimerId{0}));
  node.disk->stop(loses_power);
}

void SimulatedCluster::pause(uint16_t which) {
  nodes_.at(which)->is_paused = true;
  ++tally_.pauses;
}

void SimulatedCluster::resume(uint16_t which) {
  Node& node = *nodes_.at(which);
  node.is_paused = false;
  std::vector<std::function<void()>> inbox = std::exchange(node.inbox, {});
  // The clock may be looked at before or after what has come is read.
  if (node.raft != nullptr && rng_.below(2) == 0) {
    run_on(node, [this, &node] { node.raft->tick(local_us(node)); });
  }
  for (std::function<void()>& call : inbox) run_on(node, std::move(call));
}

// --- the network --------------------------------------------------------------------------------

void SimulatedCluster::transmit(Node& from, const Outgoing& outgoing) {
  const uint16_t to = raw(outgoing.to);
  ++tally_.messages;
  note(uint64_t{from.number} << 32 | uint64_t{to} << 8 | outgoing.message.index());
  if (filter && !filter(from.number, to, outgoing.message)) return;
  if (!nodes_.contains(to) || cuts_.contains({from.number, to})) return;
  const Network& network = setup_.network;
  if (has_faults_ && rng_.below(1000) < network.loss_permille) return;
  const bool is_doubled = has_faults_ && rng_.below(1000) < network.duplicate_permille;
  for (int copy = 0; copy < (is_doubled ? 2 : 1); ++copy) {
    uint64_t delay_us = network.delay_min_us;
    delay_us += rng_.below(network.delay_max_us - network.delay_min_us + 1);
    if (has_faults_ && rng_.below(1000) < network.late_permille) {
      delay_us += rng_.below(network.late_us);
    }
    (void)env_.timers().schedule(delay_us,
                                 [this, source = from.number, to, message = outgoing.message] {
                                   deliver(source, to, message);
                                 });
  }
}

void SimulatedCluster::deliver(uint16_t from, uint16_t to, const Message& message) {
  Node& node = *nodes_.at(to);
  run_on(node,
         [this, &node, from, message] { node.raft->step(local_us(node), number(from), message); });
}

void SimulatedCluster::cut(uint16_t a, uint16_t b) {
  cuts_.insert({a, b});
  cuts_.insert({b, a});
}

void SimulatedCluster::isolate(uint16_t node) {
  for (const auto& [other, unused] : nodes_) {
    if (other != node) cut(node, other);
  }
}

// --- the state machine --------------------------------------------------------------------------

void SimulatedCluster::apply(Node& node, const LogEntry& entry) {
  const uint64_t index = raw(entry.index);
  if (index != node.applied + 1)
    return fail(fmt::format("node {} applies {} after {}", node.number, index, node.applied));
  if (!node.disk->is_durable(entry))
    return fail(fmt::format("node {} applies {}, which is not durable there", node.number, index));
  const auto [known, is_first] = committed_.try_emplace(index, entry);
  if (is_first) ++tally_.committed;
  if (is_first) commit_terms_[index] = node.raft->term();
  if (known->second != entry)
    return fail(fmt::format("entry {}: of term {} at node {}, of term {} elsewhere", index,
                            raw(entry.term), node.number, raw(known->second.term)));
  if (entry.kind == EntryKind::command && !proposed_.contains(entry.payload))
    return fail(fmt::format("entry {} was never proposed", index));
  node.applied = index;
  node.digest = hash_bytes(entry.payload, {.seed = node.digest + raw(entry.term)});
  note(node.digest);
  const auto [digest, is_new] = digests_.try_emplace(index, node.digest);
  if (digest->second != node.digest)
    fail(fmt::format("node {} comes to another state at {}", node.number, index));
}

void SimulatedCluster::restore(Node& node, const Snapshot& snapshot) {
  const uint64_t index = raw(snapshot.index);
  if (index < node.applied) return fail(fmt::format("node {} goes back to {}", node.number, index));
  if (node.applied > 0) ++tally_.snapshots_installed;
  node.applied = index;
  node.snapshot_at = index;
  node.digest = digest_of(snapshot);
  const auto known = digests_.find(index);
  if (known == digests_.end() || known->second != node.digest)
    fail(fmt::format("the snapshot at {} is of no history", index));
}

void SimulatedCluster::compact(Node& node) {
  std::string data(reinterpret_cast<const char*>(&node.digest), sizeof node.digest);
  // Several chunks, now and then.
  if (rng_.below(4) == 0) data.resize(kSnapshotChunkMax + rng_.below(kSnapshotChunkMax), 'x');
  node.snapshot_at = node.applied;
  if (node.raft->compact(LogIndex{node.applied}, std::move(data))) ++tally_.snapshots_taken;
  drain(node);
}

bool SimulatedCluster::propose(uint16_t which) {
  Node& node = *nodes_.at(which);
  // A paused node does it when it goes on: when this call is long over.
  const auto is_taken = std::make_shared<bool>(false);
  run_on(node, [this, &node, is_taken] {
    std::string command = fmt::format("{}", ++proposals_);
    command.resize(command.size() + rng_.below(50), ' ');
    proposed_.insert(command);
    *is_taken = node.raft->propose(local_us(node), command).has_value();
  });
  return *is_taken;
}

bool SimulatedCluster::change(uint16_t leader, ChangeKind kind, uint16_t which) {
  Node& node = *nodes_.at(leader);
  const auto is_taken = std::make_shared<bool>(false);
  run_on(node, [this, &node, is_taken, kind, which] {
    const Change wanted{.kind = kind, .node = number(which)};
    *is_taken = node.raft->propose_change(local_us(node), wanted).has_value();
    if (*is_taken) ++tally_.changes;
  });
  return *is_taken;
}

void SimulatedCluster::hand_over(uint16_t leader, uint16_t target) {
  Node& node = *nodes_.at(leader);
  run_on(node, [this, &node, target] {
    if (node.raft->hand_over(local_us(node), number(target))) ++tally_.hand_overs;
  });
}

// --- checkers -----------------------------------------------------------------------------------

void SimulatedCluster::fail(std::string what) {
  if (violation_.empty()) violation_ = fmt::format("at {} us: {}", now_us(), what);
}

void SimulatedCluster::note(uint64_t value) {
  hash_ = hash_bytes({reinterpret_cast<const char*>(&value), sizeof value}, {.seed = hash_});
}

void SimulatedCluster::observe(Node& node) {
  const Raft& raft = *node.raft;
  if (raft.is_leader() && (!node.was_leader || node.seen_term != raft.term())) observe_leader(node);
  node.was_leader = raft.is_leader();
  node.seen_term = raft.term();
  // Whatever the leader says it may grant, it is taken to have granted, at once.
  const bool may_act = raft.is_leader() && local_us(node) >= raft.may_act_from_us();
  if (may_act && raft.lease_until_us() > 0) {
    node.lease_term = raft.term();
    node.lease_end_us = std::max(node.lease_end_us, real_us(node, raft.lease_until_us()));
  }
  check_leases();
}

void SimulatedCluster::observe_leader(Node& node) {
  ++tally_.elections;
  if (node.raft->may_act_from_us() > local_us(node)) ++tally_.forced_elections;
  const auto [known, is_first] = leaders_.try_emplace(node.raft->term(), node.number);
  if (known->second != node.number)
    fail(fmt::format("{} and {} lead in term {}", known->second, node.number,
                     raw(node.raft->term())));
  // Leader completeness: all that anybody has applied.
  const RaftLog& log = node.raft->log();
  for (const auto& [index, entry] : committed_) {
    if (LogIndex{index} <= log.base().index) continue;
    // Late votes may make a leader of an older term, which is none for long.
    if (commit_terms_.at(index) > node.raft->term()) continue;
    if (log.term_at(LogIndex{index}) != entry.term)
      fail(fmt::format("the leader {} of term {} lacks entry {}", node.number,
                       raw(node.raft->term()), index));
  }
  check_logs();
}

void SimulatedCluster::check_leases() {
  for (const auto& [holder, granted] : nodes_) {
    if (granted->lease_end_us <= now_us()) continue;
    for (const auto& [other, node] : nodes_) {
      if (node->raft == nullptr || node->is_paused || !node->raft->is_leader()) continue;
      if (node->raft->term() <= granted->lease_term) continue;
      if (local_us(*node) < node->raft->may_act_from_us()) continue;
      fail(fmt::format("{} acts in term {} while a lease of {} in term {} lives for {} us", other,
                       raw(node->raft->term()), holder, raw(granted->lease_term),
                       granted->lease_end_us - now_us()));
    }
  }
}

// Log matching: where two logs have an entry of the same term, they are equal before it.
void SimulatedCluster::check_logs() {
  for (auto a = nodes_.begin(); a != nodes_.end(); ++a) {
    for (auto b = std::next(a); b != nodes_.end(); ++b) {
      if (a->second->raft == nullptr || b->second->raft == nullptr) continue;
      const RaftLog& one = a->second->raft->log();
      const RaftLog& two = b->second->raft->log();
      LogIndex index = std::min(one.last_index(), two.last_index());
      const LogIndex end = std::max(one.base().index, two.base().index);
      while (index > end && one.at(index).term != two.at(index).term) index = index - 1;
      for (; index > end; index = index - 1) {
        if (one.at(index) == two.at(index)) continue;
        fail(fmt::format("the logs of {} and {} differ at {} before they agree", a->first, b->first,
                         raw(index)));
      }
    }
  }
}

// --- by hand ------------------------------------------------------------------------------------

void SimulatedCluster::advance(uint64_t us) {
  const uint64_t end_us = now_us() + us;
  while (now_us() < end_us && violation_.empty()) {
    env_.timers().advance(std::min<uint64_t>(end_us - now_us(), 10'000));
  }
}

bool SimulatedCluster::advance_until(const std::function<bool()>& holds, uint64_t us_max) {
  const uint64_t end_us = now_us() + us_max;
  while (!holds()) {
    if (now_us() >= end_us || !violation_.empty()) return false;
    env_.timers().advance(1000);
  }
  return true;
}

uint16_t SimulatedCluster::leader() const {
  uint16_t found = 0;
  Term term{0};
  for (const auto& [which, node] : nodes_) {
    if (node->raft == nullptr || !node->raft->is_leader() || node->raft->term() < term) continue;
    found = which;
    term = node->raft->term();
  }
  return found;
}

uint16_t SimulatedCluster::settle() {
  const bool has_settled = advance_until(
      [this] { return leader() != 0 && raft(leader()).is_settled_leader(); }, kRecoveryUs);
  QUORIS_ASSERT(has_settled);
  return leader();
}

// --- at random ----------------------------------------------------------------------------------

SimulatedCluster::Node* SimulatedCluster::random_node() {
  return nodes_.at(static_cast<uint16_t>(1 + rng_.below(nodes_.size()))).get();
}

SimulatedCluster::Node* SimulatedCluster::random_up_node() {
  Node* node = random_node();
  return node->raft != nullptr ? node : nullptr;
}

void SimulatedCluster::every(uint64_t mean_us, const std::function<void()>& what) {
  if (mean_us == 0 || !has_faults_) return;
  (void)env_.timers().schedule(1 + rng_.below(2 * mean_us), [this, mean_us, what] {
    if (!has_faults_ || !violation_.empty()) return;
    what();
    every(mean_us, what);
  });
}

void SimulatedCluster::plan_faults() {
  const FaultPlan& faults = setup_.faults;
  every(setup_.propose_us, [this] {
    if (const uint16_t node = leader(); node != 0) (void)propose(node);
  });
  every(faults.crash_us, [this] {
    if (Node* node = random_up_node()) crash(node->number, rng_.below(4) != 0);
  });
  every(400'000, [this] {
    if (Node* node = random_node(); node->raft == nullptr) start(node->number);
  });
  every(faults.pause_us, [this] {
    Node* node = random_up_node();
    if (node == nullptr || node->is_paused) return;
    pause(node->number);
    (void)env_.timers().schedule(rng_.below(2'000'000),
                                 [this, which = node->number] { resume(which); });
  });
  every(faults.cut_us, [this] { cut_at_random(); });
  every(faults.change_us, [this] { change_at_random(); });
  every(faults.hand_over_us, [this] {
    if (const uint16_t from = leader(); from != 0)
      hand_over(from, rng_.below(2) == 0 ? 0 : random_node()->number);
  });
}

void SimulatedCluster::cut_at_random() {
  ++tally_.cuts;
  const uint64_t manner = rng_.below(5);
  if (manner == 0) return heal();
  const uint16_t node = random_node()->number;
  const uint16_t other = random_node()->number;
  if (manner == 1) return isolate(node);
  if (manner == 2 && node != other) return cut_one_way(node, other);
  if (manner == 3 && node != other) return cut(node, other);
  for (const auto& [a, unused] : nodes_) {
    for (const auto& [b, unused_too] : nodes_) {
      if (a < b && (a + node) % 2 != (b + node) % 2) cut(a, b);
    }
  }
}

void SimulatedCluster::change_at_random() {
  const uint16_t from = leader();
  if (from == 0) return;
  const uint16_t node = random_node()->number;
  const Configuration& members = raft(from).configuration();
  if (members.is_learner(number(node))) {
    (void)change(from, rng_.below(4) == 0 ? ChangeKind::remove : ChangeKind::promote, node);
  } else if (!members.is_voter(number(node))) {
    (void)change(from, ChangeKind::add_learner, node);
  } else if (members.voters.size() > 2 || rng_.below(4) == 0) {
    (void)change(from, rng_.below(2) == 0 ? ChangeKind::remove : ChangeKind::demote, node);
  }
}

void SimulatedCluster::end_faults() {
  has_faults_ = false;
  heal();
  for (auto& [which, node] : nodes_) {
    if (node->is_paused) resume(which);
    if (node->raft == nullptr && violation_.empty()) start(which);
  }
}

bool SimulatedCluster::all_members_equal() {
  const uint16_t from = leader();
  if (from == 0 || !raft(from).is_settled_leader()) return false;
  const Configuration& members = raft(from).configuration();
  return std::ranges::all_of(nodes_, [&](const auto& each) {
    const bool is_member =
        members.is_voter(number(each.first)) || members.is_learner(number(each.first));
    return !is_member || each.second->applied == raw(raft(from).last_index());
  });
}

std::string SimulatedCluster::describe() const {
  std::string text;
  for (const auto& [which, node] : nodes_) {
    if (node->raft == nullptr) continue;
    const Raft& raft = *node->raft;
    text += fmt::format(
        "\n{}: role {} term {} leader {} base {} last {} durable {} commit {} applied {}", which,
        static_cast<int>(raft.role()), raw(raft.term()), raw(raft.leader()),
        raw(raft.log().base().index), raw(raft.last_index()), raw(raft.durable_index()),
        raw(raft.commit_index()), node->applied);
    for (const NodeNumber voter : raft.configuration().voters)
      text += fmt::format(" {}", raw(voter));
    for (const auto& [follower, progress] : raft.followers()) {
      text += fmt::format(" [{}: state {} match {} next {}]", raw(follower),
                          static_cast<int>(progress.state()), raw(progress.match()),
                          raw(progress.next_index()));
    }
  }
  return text;
}

void SimulatedCluster::check_end() {
  uint64_t marker = 0;
  const bool is_well = advance_until(
      [this, &marker] {
        const uint16_t from = leader();
        if (from == 0 || !raft(from).is_settled_leader()) return false;
        // Its leader may be deposed by what is still on its way.
        const uint64_t last = raw(raft(from).last_index());
        if ((marker == 0 || marker > last) && propose(from)) marker = last + 1;
        return marker != 0 && committed_.contains(marker) && all_members_equal();
      },
      kRecoveryUs);
  if (!is_well) fail("no progress, though all is well:" + describe());
  check_logs();
}

std::string SimulatedCluster::run(uint64_t us) {
  has_faults_ = true;
  plan_faults();
  advance(us);
  end_faults();
  if (violation_.empty()) check_end();
  return violation_;
}

}  // namespace quoris::raft::testing
