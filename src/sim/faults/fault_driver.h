// FaultDriver: what goes wrong in a run, and when: drawn from the seed alone before the run begins,
// so that it is the same whatever the nodes make of it; and aimed at moments where a name says so.
//
// Faults begin one after another with pauses between; those that last may overlap. At the end of
// the faulty part everything heals, and on_quiet() is called. Which operations a fault excuses is
// kept: disturbed().
// Used by: Simulation.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "sim/clients/client.h"
#include "sim/world.h"

namespace quoris::sim {

class FaultDriver final : public Observer {
 public:
  // A fault as it is planned.
  struct Planned {
    FaultKind kind = FaultKind::partition;
    size_t node = 0;
    uint64_t at_us = 0;
    uint64_t lasts_us = 0;
    uint64_t strength = 0;  // what else is drawn: of 2^64
  };

  struct Options {
    std::vector<FaultKind> kinds;
    uint64_t until_us = 0;           // then all is well
    uint64_t gap_us = 1'500'000;     // mean, between the beginnings of two
    std::vector<Planned> plan = {};  // not empty: instead of what the seed would give
  };

  // REQUIRES: all outlive this.
  FaultDriver(World& world, const Options& options);

  // Clients of a node are cut off with it.
  void add_client(const SimClient& client);

  void start();

  // A node, or a client's way to it, was not what it should be at some moment in between.
  [[nodiscard]] bool disturbed(size_t node, uint64_t from_us, uint64_t to_us) const;

  // How many of each kind were played.
  [[nodiscard]] const std::array<uint64_t, kFaultKinds>& played() const { return played_; }

  [[nodiscard]] const std::vector<Planned>& plan() const { return plan_; }

 private:
  struct Span {
    uint64_t from_us = 0;
    uint64_t to_us = 0;
  };

  // --- Observer: the moments that faults are aimed at
  // ---------------------------------------------
  void on_delivered(HostId from, HostId to, std::string_view bytes) override;
  void on_disk_step(Machine& machine, SimDisk::Operation operation, const std::string& path,
                    std::string_view bytes) override;
  void on_process(Machine& machine, ProcessEvent event) override;

  void make_plan(const Options& options);
  void begin(const Planned& planned);
  void begin_on_network(const Planned& planned);
  void begin_on_disk(const Planned& planned);
  void begin_on_clock(const Planned& planned);
  void begin_on_process(const Planned& planned);
  void end_later(const Planned& planned, std::function<void()> undo);
  void tell(const Planned& planned, bool begins, std::string detail = {});
  void quiet();

  // Both directions between the node and everybody else.
  void cut(size_t node, bool inbound, bool outbound, uint64_t lasts_us);
  void flicker_on(const Planned& planned, uint64_t left);
  void spoil_links(const Planned& planned, const LinkQuality& quality);
  void disturb(size_t node, uint64_t from_us, uint64_t to_us);

  World& world_;
  uint64_t until_us_;
  std::vector<Planned> plan_;
  std::vector<std::vector<HostId>> clients_;  // by node
  std::vector<std::vector<Span>> disturbed_;  // by node
  std::array<uint64_t, kFaultKinds> played_{};
  std::vector<bool> cut_at_reply_;         // by node: armed
  std::vector<uint64_t> cut_in_snapshot_;  // by node: steps after its file was made; 0: not armed
  std::vector<bool> cut_in_start_;
  std::vector<uint64_t> down_us_;  // by node: how long it stays dead once a fault has ended it
};

}  // namespace quoris::sim
