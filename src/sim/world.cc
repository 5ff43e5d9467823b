#include "sim/world.h"

#include <fmt/format.h>

namespace quoris::sim {

namespace {

// Streams of randomness below this one are machines'.
constexpr uint64_t kNamedStreams = uint64_t{1} << 32;

constexpr size_t kSeeds = 2;

constexpr LinkQuality kUsualLink = {.latency_us = 150, .jitter_us = 100};

}  // namespace

std::string_view name_of(ProcessEvent event) {
  switch (event) {
    case ProcessEvent::started:
      return "started";
    case ProcessEvent::ready:
      return "ready";
    case ProcessEvent::start_failed:
      return "start failed";
    case ProcessEvent::stopped:
      return "stopped";
    case ProcessEvent::killed:
      return "killed";
    case ProcessEvent::power_cut:
      return "power cut";
    case ProcessEvent::paused:
      return "paused";
    case ProcessEvent::resumed:
      return "resumed";
    case ProcessEvent::gave_up:
      return "gave up";
  }
  return {};
}

void Checker::complain(std::string text) {
  if (complaints_.size() < kComplaintsMax) complaints_.push_back(std::move(text));
}

World::World(const Options& options)
    : seed_(options.seed),
      is_cluster_(options.is_cluster),
      deployed_at_start_(options.nodes),
      network_(queue_, rng_for("network")) {
  network_.set_quality(kUsualLink);
  network_.set_watcher(this);
  for (size_t i = 0; i < options.nodes + options.spares; ++i) {
    machines_.push_back(std::make_unique<Machine>(
        *this, Machine::Options{.index = i,
                                .address = fmt::format("10.0.{}.{}", i / 250, i % 250 + 1),
                                .seed = options.seed,
                                .settings = options.settings,
                                .is_in_cluster = options.is_cluster}));
  }
}

World::~World() = default;

void World::start() {
  for (size_t i = 0; i < deployed_at_start_; ++i) machines_[i]->deploy();
}

std::vector<HostPort> World::seeds_for(const Machine& newcomer) {
  std::vector<HostPort> seeds;
  const bool is_founder = newcomer.index() == 0 && newcomer.is_first_of_its_name();
  if (is_founder) return seeds;
  for (const auto& machine : machines_) {
    if (machine.get() == &newcomer || !machine->is_deployed() || machine->is_leaving()) continue;
    seeds.push_back({.host = network_.address(machine->host()), .port = Machine::kClusterPort});
    if (seeds.size() == kSeeds) break;
  }
  return seeds;
}

SimRng World::rng_for(std::string_view name) const {
  return {seed_, kNamedStreams | (hash_bytes(name, {}) >> 1)};
}

void World::note_process(Machine& machine, ProcessEvent event) {
  hash_.mix({.what = RunHash::What::process,
             .at_us = now_us(),
             .first = machine.index(),
             .second = static_cast<uint64_t>(event)},
            {});
  for (Observer* observer : observers_) observer->on_process(machine, event);
}

void World::note_disk_step(Machine& machine, SimDisk::Operation operation, const std::string& path,
                           std::string_view bytes) {
  hash_.mix({.what = RunHash::What::disk_step,
             .at_us = now_us(),
             .first = machine.index(),
             .second = static_cast<uint64_t>(operation)},
            bytes.empty() ? path : bytes);
  for (Observer* observer : observers_) observer->on_disk_step(machine, operation, path, bytes);
}

void World::note_operation(const Operation& operation) {
  for (Observer* observer : observers_) observer->on_operation(operation);
}

void World::note_fault(const FaultEvent& fault) {
  for (Observer* observer : observers_) observer->on_fault(fault);
}

void World::on_delivered(HostId from, HostId to, uint64_t connection, std::string_view bytes) {
  hash_.mix({.what = RunHash::What::delivered,
             .at_us = now_us(),
             .first = (uint64_t{index_of(from)} << 32) | index_of(to),
             .second = connection},
            bytes);
  for (Observer* observer : observers_) observer->on_delivered(from, to, bytes);
}

void World::on_connection(HostId from, HostId to, uint64_t /*connection*/, std::string_view what) {
  for (Observer* observer : observers_) observer->on_connection(from, to, what);
}

}  // namespace quoris::sim
