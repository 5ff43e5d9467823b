// FaultDriver: what goes wrong in a run, and when: drawn from the seed alone before the run begins,
// so that it is the same whatever the nodes make of it; and aimed at moments where a name says so.
//
// Faults begin one after another with pauses between; those that last may overlap. In a cluster
// some of them are for the leader, whoever that is then. At the end of the faulty part everything
// heals, and on_quiet() is called; who was told to leave goes on leaving. Which operations a fault
// excuses is kept: disturbed(). Faults of members go only as far as an operator would: no more than
// one disk of a voter is lost before others have taken its place, and enough members stay. Used by:
// Simulation. fault_driver_cluster.cc has what only a cluster knows.
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
  static constexpr size_t kLeader = ~size_t{0};

  // A fault as it is planned.
  struct Planned {
    FaultKind kind = FaultKind::partition;
    size_t node = 0;  // kLeader: who leads then
    uint64_t at_us = 0;
    uint64_t lasts_us = 0;
    uint64_t strength = 0;  // what else is drawn: of 2^64
  };

  struct Options {
    std::vector<FaultKind> kinds;
    uint64_t until_us = 0;           // then all is well
    uint64_t gap_us = 1'500'000;     // mean, between the beginnings of two
    size_t nodes_at_start = 1;       // so many are to stay, or nearly
    std::vector<Planned> plan = {};  // not empty: instead of what the seed would give
  };

  // REQUIRES: all outlive this.
  FaultDriver(World& world, const Options& options);

  // Clients of a node are cut off with it.
  void add_client(const SimClient& client);

  void start();

  // A node, or a client's way to it, was not what it should be at some moment in between.
  [[nodiscard]] bool disturbed(size_t node, uint64_t from_us, uint64_t to_us) const;

  // Something was wrong between nodes at some moment in between, whichever they are.
  [[nodiscard]] bool network_disturbed(uint64_t from_us, uint64_t to_us) const;

  // The part of the network that each node is in at that moment: between nodes of one part nothing
  // is wrong, nor was it a moment ago. Empty: nothing sure can be said of any two. (One number per
  // node; a node that is cut off from all others, in one direction or in both, is a part of its
  // own.)
  [[nodiscard]] std::vector<size_t> parts(uint64_t at_us) const;

  // How many of each kind were played.
  [[nodiscard]] const std::array<uint64_t, kFaultKinds>& played() const { return played_; }

  [[nodiscard]] const std::vector<Planned>& plan() const { return plan_; }

 private:
  struct Span {
    uint64_t from_us = 0;
    uint64_t to_us = 0;
  };

  // Something was wrong between nodes of different groups, and not within one; of no groups: it may
  // have been anywhere.
  struct NetworkSpan {
    Span when;
    std::vector<size_t> groups;  // by node
  };

  static constexpr uint64_t kOpen = ~uint64_t{0};  // the end of a span that goes on

  // --- Observer: the moments that faults are aimed at
  // ---------------------------------------------
  void on_delivered(HostId from, HostId to, std::string_view bytes) override;
  void on_disk_step(Machine& machine, SimDisk::Operation operation, const std::string& path,
                    std::string_view bytes) override;
  void on_process(Machine& machine, ProcessEvent event) override;
  void on_turn(Machine& machine) override;
  void on_proposal(const Proposal& proposal) override;

  void make_plan(const Options& options);
  void begin(const Planned& planned);
  void begin_on_network(const Planned& planned);
  void begin_on_disk(const Planned& planned);
  void begin_on_clock(const Planned& planned);
  void begin_on_process(const Planned& planned);
  void begin_on_cluster(const Planned& planned);
  void begin_on_members(const Planned& planned);
  void end_later(const Planned& planned, std::function<void()> undo);
  void tell(const Planned& planned, bool begins, std::string detail = {});
  void quiet();

  // Both directions between the node and everybody else.
  void cut(size_t node, bool inbound, bool outbound, uint64_t lasts_us);
  void flicker_on(const Planned& planned, uint64_t left);
  void spoil_links(const Planned& planned, const LinkQuality& quality);
  void disturb(size_t node, uint64_t from_us, uint64_t to_us);
  void disturb_network(uint64_t to_us, std::vector<size_t> groups = {});
  // The node by itself, and all others.
  [[nodiscard]] std::vector<size_t> apart(size_t node) const;

  // --- fault_driver_cluster.cc
  using Links = std::vector<std::pair<HostId, HostId>>;
  void cut_links(const Links& links, uint64_t lasts_us);
  void split_nodes(const Planned& planned);
  void cut_a_pair(const Planned& planned);
  void spoil_channel(const Planned& planned);
  void hand_over_leadership(const Planned& planned);
  void bring_in(const Planned& planned);
  void let_go(const Planned& planned);
  void see_off(size_t node, uint64_t life);
  void empty_disk(const Planned& planned);
  [[nodiscard]] size_t members_that_stay();
  [[nodiscard]] bool leaves_clients_a_node(size_t leaving);
  void look_after_logs();
  void note_absence(size_t node);
  void note_presence(size_t node);

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
  std::vector<NetworkSpan> network_disturbed_;
  size_t nodes_at_start_ = 0;
  std::vector<uint64_t> raft_steps_left_;  // by node: the power goes then; 0: not armed
  // Who leads in a later term is cut off for so long; 0: nobody.
  uint64_t cut_new_leader_us_ = 0;
  Term cut_after_term_{0};
  uint64_t blackout_us_ = 0;  // armed: about so long; 0: not
};

}  // namespace quoris::sim
