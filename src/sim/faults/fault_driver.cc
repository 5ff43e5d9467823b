#include "sim/faults/fault_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "sim/cluster_looks.h"

namespace quoris::sim {

namespace {

using enum FaultKind;

constexpr uint64_t kMs = 1'000;
constexpr uint64_t kSecond = 1'000 * kMs;

// The first fault comes when clients are at work.
constexpr uint64_t kFirstUs = 500 * kMs;

// After the end of a fault a node and its clients need so long to be themselves again: boot and
// recovery, retransmission that had backed off, clients that wait for the next attempt.
constexpr uint64_t kGraceUs = 3 * kSecond;

constexpr uint64_t kFlickers = 6;
constexpr uint64_t kStepsMax = 40;

// Aimed faults strike within this time or not at all.
constexpr uint64_t kAimedUs = 3 * kSecond;

// In a cluster so many of a thousand faults are for whoever leads.
constexpr uint64_t kForLeaderPermille = 300;

struct Duration {
  uint64_t min_us = 0;
  uint64_t max_us = 0;
};

// How long a fault lasts; of those that end a process: how long it stays dead.
Duration duration_of(FaultKind kind) {
  switch (kind) {
    case partition:
    case partition_inbound:
    case partition_outbound:
      return {.min_us = 300 * kMs, .max_us = 6 * kSecond};
    case flicker:
      return {.min_us = 20 * kMs, .max_us = 300 * kMs};
    case slow_link:
    case lossy_link:
      return {.min_us = 500 * kMs, .max_us = 5 * kSecond};
    case slow_disk:
      return {.min_us = 200 * kMs, .max_us = 4 * kSecond};
    case failing_writes:
    case failing_syncs:
    case full_disk:
      return {.min_us = 50 * kMs, .max_us = 3 * kSecond};
    case clock_drift:
      return {.min_us = kSecond, .max_us = 8 * kSecond};
    case pause:
      return {.min_us = 20 * kMs, .max_us = 4 * kSecond};
    case split:
    case cut_pair:
      return {.min_us = 300 * kMs, .max_us = 6 * kSecond};
    case channel:
      return {.min_us = 500 * kMs, .max_us = 5 * kSecond};
    case pause_past_lease:
      return {.min_us = 450 * kMs, .max_us = 2 * kSecond};
    case cut_new_leader:
      return {.min_us = 300 * kMs, .max_us = 3 * kSecond};
    default:
      return {.min_us = 10 * kMs, .max_us = 1'500 * kMs};
  }
}

}  // namespace

FaultDriver::FaultDriver(World& world, const Options& options)
    : world_(world),
      until_us_(options.until_us),
      plan_(options.plan),
      nodes_at_start_(options.nodes_at_start) {
  if (plan_.empty()) make_plan(options);
  clients_.resize(world.nodes());
  disturbed_.resize(world.nodes());
  cut_at_reply_.resize(world.nodes());
  cut_in_snapshot_.resize(world.nodes());
  cut_in_start_.resize(world.nodes());
  down_us_.resize(world.nodes());
  raft_steps_left_.resize(world.nodes());
  world.add_observer(*this);
}

void FaultDriver::make_plan(const Options& options) {
  std::vector<FaultKind> kinds = options.kinds;
  if (!world_.is_cluster()) std::erase_if(kinds, &is_of_cluster);
  if (kinds.empty()) return;
  SimRng rng = world_.rng_for("faults");
  uint64_t at_us = kFirstUs + rng.below(options.gap_us);
  while (at_us < until_us_) {
    Planned planned;
    planned.kind = kinds[rng.below(kinds.size())];
    planned.node = rng.below(world_.nodes());
    const bool is_for_leader = world_.is_cluster() && !is_of_members(planned.kind);
    if (is_for_leader && rng.chance(kForLeaderPermille)) planned.node = kLeader;
    planned.at_us = at_us;
    const Duration duration = duration_of(planned.kind);
    // Short ones are as likely as long ones, whatever the span.
    const uint64_t scale = uint64_t{1} << rng.below(6);
    planned.lasts_us = duration.min_us + rng.below(duration.max_us - duration.min_us) / scale;
    planned.strength = rng.next();
    plan_.push_back(planned);
    at_us += options.gap_us / 4 + rng.below(options.gap_us * 3 / 2);
  }
}

void FaultDriver::add_client(const SimClient& client) {
  clients_[client.node()].push_back(client.host());
}

void FaultDriver::start() {
  for (const Planned& planned : plan_) {
    world_.queue().schedule_at(planned.at_us, [this, planned] { begin(planned); });
  }
  world_.queue().schedule_at(until_us_, [this] { quiet(); });
  for (size_t node = 0; node < world_.nodes(); ++node) {
    if (!world_.machine(node).is_deployed()) note_absence(node);
  }
  if (world_.is_cluster()) look_after_logs();
}

void FaultDriver::quiet() {
  for (size_t node = 0; node < world_.nodes(); ++node) {
    cut_at_reply_[node] = false;
    cut_in_snapshot_[node] = 0;
    cut_in_start_[node] = false;
    raft_steps_left_[node] = 0;
    world_.machine(node).heal();
    if (!plan_.empty()) disturb(node, until_us_, until_us_);
  }
  cut_new_leader_us_ = 0;
  blackout_us_ = 0;
  for (Observer* observer : world_.observers()) observer->on_quiet();
}

void FaultDriver::disturb_network(uint64_t to_us, std::vector<size_t> groups) {
  network_disturbed_.push_back({.when = {.from_us = world_.now_us(), .to_us = to_us + kGraceUs},
                                .groups = std::move(groups)});
}

std::vector<size_t> FaultDriver::apart(size_t node) const {
  std::vector<size_t> groups(world_.nodes());
  groups[node] = 1;
  return groups;
}

bool FaultDriver::network_disturbed(uint64_t from_us, uint64_t to_us) const {
  return std::ranges::any_of(network_disturbed_, [&](const NetworkSpan& span) {
    return span.when.from_us <= to_us && from_us <= span.when.to_us;
  });
}

std::vector<size_t> FaultDriver::parts(uint64_t at_us) const {
  std::vector<size_t> found(world_.nodes());
  for (const auto& [when, groups] : network_disturbed_) {
    if (at_us < when.from_us || when.to_us < at_us) continue;
    if (groups.empty()) return {};
    // Who was in one part stays there if it is in one group as well.
    std::map<std::pair<size_t, size_t>, size_t> finer;
    for (size_t node = 0; node < found.size(); ++node) {
      const std::pair<size_t, size_t> both(found[node], groups[node]);
      found[node] = finer.try_emplace(both, finer.size()).first->second;
    }
  }
  return found;
}

void FaultDriver::disturb(size_t node, uint64_t from_us, uint64_t to_us) {
  disturbed_[node].push_back({.from_us = from_us, .to_us = to_us + kGraceUs});
}

bool FaultDriver::disturbed(size_t node, uint64_t from_us, uint64_t to_us) const {
  return std::ranges::any_of(disturbed_[node], [&](const Span& span) {
    return span.from_us <= to_us && from_us <= span.to_us;
  });
}

void FaultDriver::tell(const Planned& planned, bool begins, std::string detail) {
  world_.note_fault(
      {.kind = planned.kind, .node = planned.node, .begins = begins, .detail = std::move(detail)});
}

// `undo` at the fault's end, at the latest when all heals.
void FaultDriver::end_later(const Planned& planned, std::function<void()> undo) {
  const uint64_t ends_us = std::min(world_.now_us() + planned.lasts_us, until_us_);
  const bool is_partition = planned.kind <= partition_outbound;
  if (planned.kind <= reset) {
    disturb_network(ends_us, is_partition ? apart(planned.node) : std::vector<size_t>());
  }
  // Both sides of a split are well, and their clients as well off as ever.
  if (planned.kind != split) disturb(planned.node, world_.now_us(), ends_us);
  world_.queue().schedule_at(ends_us, [this, planned, undo = std::move(undo)] {
    undo();
    tell(planned, false);
  });
}

void FaultDriver::begin(const Planned& drawn) {
  Planned planned = drawn;
  if (planned.node == kLeader) {
    const Machine* leader = leader_of(world_);
    planned.node = leader == nullptr ? planned.strength % world_.nodes() : leader->index();
  }
  if (is_of_members(planned.kind)) return begin_on_members(planned);
  if (!world_.machine(planned.node).is_deployed()) return;
  ++played_[static_cast<size_t>(planned.kind)];
  if (is_of_cluster(planned.kind)) return begin_on_cluster(planned);
  if (planned.kind <= reset) return begin_on_network(planned);
  if (planned.kind <= full_disk) return begin_on_disk(planned);
  if (planned.kind <= clock_drift) return begin_on_clock(planned);
  begin_on_process(planned);
}

// --- network
// ----------------------------------------------------------------------------------------

void FaultDriver::cut(size_t node, bool inbound, bool outbound, uint64_t lasts_us) {
  Links links;
  const HostId self = world_.machine(node).host();
  const auto add = [&](HostId other) {
    if (inbound) links.emplace_back(other, self);
    if (outbound) links.emplace_back(self, other);
  };
  for (size_t other = 0; other < world_.nodes(); ++other) {
    if (other != node) add(world_.machine(other).host());
  }
  for (const HostId client : clients_[node]) add(client);
  cut_links(links, lasts_us);
}

void FaultDriver::flicker_on(const Planned& planned, uint64_t left) {
  if (left == 0 || world_.now_us() >= until_us_) return;
  cut(planned.node, true, true, planned.lasts_us);
  disturb_network(world_.now_us() + 2 * planned.lasts_us);
  disturb(planned.node, world_.now_us(), world_.now_us() + 2 * planned.lasts_us);
  world_.queue().schedule(2 * planned.lasts_us,
                          [this, planned, left] { flicker_on(planned, left - 1); });
}

void FaultDriver::spoil_links(const Planned& planned, const LinkQuality& quality) {
  const HostId self = world_.machine(planned.node).host();
  // Of a link that is never spoilt: another fault may be at these.
  const LinkQuality usual = world_.network().quality(self, self);
  const auto set = [this, self, node = planned.node](const LinkQuality& each) {
    for (const HostId client : clients_[node]) {
      world_.network().set_quality(self, client, each);
      world_.network().set_quality(client, self, each);
    }
    for (size_t other = 0; other < world_.nodes(); ++other) {
      if (other == node) continue;
      const HostId host = world_.machine(other).host();
      world_.network().set_quality(self, host, each);
      world_.network().set_quality(host, self, each);
    }
  };
  set(quality);
  end_later(planned, [set, usual] { set(usual); });
}

void FaultDriver::begin_on_network(const Planned& planned) {
  const Machine& machine = world_.machine(planned.node);
  switch (planned.kind) {
    case partition:
    case partition_inbound:
    case partition_outbound:
      tell(planned, true, fmt::format("for {} ms", planned.lasts_us / kMs));
      cut(planned.node, planned.kind != partition_outbound, planned.kind != partition_inbound,
          planned.lasts_us);
      return end_later(planned, [] {});
    case flicker:
      tell(planned, true, fmt::format("{} cuts of {} ms", kFlickers, planned.lasts_us / kMs));
      return flicker_on(planned, kFlickers);
    case slow_link: {
      const uint64_t delay_us = kMs + planned.strength % (80 * kMs);
      tell(planned, true, fmt::format("{} ms and more", delay_us / kMs));
      return spoil_links(planned, {.latency_us = delay_us / 4,
                                   .jitter_us = delay_us,
                                   .spike_permille = 20,
                                   .spike_us = 10 * delay_us});
    }
    case lossy_link: {
      const uint64_t loss = 10 + planned.strength % 200;
      tell(planned, true, fmt::format("{} of a thousand segments", loss));
      return spoil_links(planned, {.latency_us = 150, .jitter_us = 300, .loss_permille = loss});
    }
    default: {
      size_t count = 0;
      for (const HostId client : clients_[planned.node]) {
        count += world_.network().reset_connections(machine.host(), client);
      }
      for (size_t other = 0; other < world_.nodes(); ++other) {
        if (other == planned.node) continue;
        count += world_.network().reset_connections(machine.host(), world_.machine(other).host());
      }
      disturb_network(world_.now_us());
      disturb(planned.node, world_.now_us(), world_.now_us());
      return tell(planned, true, fmt::format("{} connections", count));
    }
  }
}

// --- disk, clock
// ------------------------------------------------------------------------------------

void FaultDriver::begin_on_disk(const Planned& planned) {
  Machine& machine = world_.machine(planned.node);
  constexpr uint64_t kMany = uint64_t{1} << 40;
  switch (planned.kind) {
    case slow_disk: {
      const uint64_t latency_us = 5 * kMs + planned.strength % (2'500 * kMs);
      tell(planned, true, fmt::format("{} ms for each job", latency_us / kMs));
      machine.slow_disk_down(latency_us);
      return end_later(planned, [&machine] { machine.slow_disk_down(0); });
    }
    case full_disk:
      tell(planned, true);
      machine.disk().set_capacity(machine.disk().bytes_used() +
                                  planned.strength % (uint64_t{16} * 1024));
      return end_later(planned, [&machine] { machine.disk().set_capacity(SimDisk::kUnlimited); });
    default: {
      const auto operation =
          planned.kind == failing_writes ? SimDisk::Operation::write : SimDisk::Operation::sync;
      const Errc code = planned.strength % 4 == 0 ? Errc::no_space : Errc::io;
      tell(planned, true, fmt::format("for {} ms", planned.lasts_us / kMs));
      machine.disk().fail(operation, {.code = code, .count = kMany});
      return end_later(planned, [&machine, operation] { machine.disk().stop_failing(operation); });
    }
  }
}

void FaultDriver::begin_on_clock(const Planned& planned) {
  Machine& machine = world_.machine(planned.node);
  if (planned.kind == clock_jump) {
    // Mostly less than seconds, sometimes more than an hour; back as well as forth.
    const auto scale = int64_t{1} << (planned.strength % 33);
    const int64_t by_us = (planned.strength >> 40) % 2 == 0 ? scale : -scale;
    machine.clock().jump_wall_us(by_us);
    return tell(planned, true, fmt::format("by {} ms", by_us / static_cast<int64_t>(kMs)));
  }
  const int64_t ppm = static_cast<int64_t>(planned.strength % 1'001) - 500;
  machine.clock().set_drift_ppm(ppm);
  tell(planned, true, fmt::format("{} us in a second", ppm));
  end_later(planned, [&machine] { machine.clock().set_drift_ppm(0); });
}

// --- process
// ----------------------------------------------------------------------------------------

void FaultDriver::begin_on_process(const Planned& planned) {
  Machine& machine = world_.machine(planned.node);
  const size_t node = planned.node;
  const uint64_t steps = 1 + planned.strength % kStepsMax;
  tell(planned, true);
  down_us_[node] = planned.lasts_us;
  const auto aim = [&](std::function<void()> disarm) {
    world_.queue().schedule(kAimedUs, std::move(disarm));
  };
  switch (planned.kind) {
    case pause:
      machine.pause();
      return end_later(planned, [&machine] { machine.resume(); });
    case kill:
      return machine.kill();
    case power_cut:
      return machine.cut_power();
    case kill_at_step:
      machine.kill_after_steps(steps);
      return aim([&machine] { machine.disarm(); });
    case power_cut_at_step:
      machine.cut_power_after_steps(steps);
      return aim([&machine] { machine.disarm(); });
    case power_cut_at_reply:
      cut_at_reply_[node] = true;
      return aim([this, node] { cut_at_reply_[node] = false; });
    case power_cut_in_snapshot:
      cut_in_snapshot_[node] = steps;
      return aim([this, node] { cut_in_snapshot_[node] = 0; });
    default:
      cut_in_start_[node] = true;
      return machine.cut_power();
  }
}

// --- aimed
// ------------------------------------------------------------------------------------------

void FaultDriver::on_delivered(HostId from, HostId to, std::string_view /*bytes*/) {
  const size_t node = index_of(from);
  if (node >= world_.nodes() || !cut_at_reply_[node] || index_of(to) < world_.nodes()) return;
  cut_at_reply_[node] = false;
  world_.machine(node).cut_power();
}

void FaultDriver::on_disk_step(Machine& machine, SimDisk::Operation operation,
                               const std::string& path, std::string_view /*bytes*/) {
  const size_t node = machine.index();
  if (raft_steps_left_[node] > 0 && path.find("raft") != std::string::npos) {
    if (--raft_steps_left_[node] == 0) return machine.cut_power();
  }
  if (cut_in_snapshot_[node] == 0 || operation != SimDisk::Operation::create) return;
  if (path.find("snapshot-") == std::string::npos) return;
  machine.cut_power_after_steps(std::exchange(cut_in_snapshot_[node], 0));
}

void FaultDriver::on_process(Machine& machine, ProcessEvent event) {
  const size_t node = machine.index();
  switch (event) {
    case ProcessEvent::started:
      if (!cut_in_start_[node]) return;
      cut_in_start_[node] = false;
      return machine.cut_power_after_steps(1 + world_.now_us() % (kStepsMax / 2));
    case ProcessEvent::killed:
    case ProcessEvent::power_cut:
      disturb(node, world_.now_us(), world_.now_us() + down_us_[node]);
      world_.queue().schedule(down_us_[node] + 1, [&machine] {
        if (!machine.is_deployed()) return;
        if (machine.state() == Machine::State::off) return machine.power_on();
        if (machine.state() == Machine::State::idle) machine.start_soon();
      });
      return;
    case ProcessEvent::start_failed:
    case ProcessEvent::stopped:
    case ProcessEvent::gave_up:
      return disturb(node, world_.now_us(), world_.now_us() + Machine::kSupervisorUs);
    default:
      return;
  }
}

}  // namespace quoris::sim
