// Control: this node's part in the cluster but for the data: who belongs to it, who seems to be
// there, who leads, who owns what, and for how long.
//
// Puts the parts together: the bus carries messages, gossip watches, Raft decides, the map is what
// it decided. A member applies Raft's entries to its map; the leader looks at what gossip says and
// proposes what follows (duties.h); everybody may ask for a change (propose()).
//
// A life: open() founds a cluster, goes on as the member that the directory says, or makes a
// newcomer; start() begins to call others. A newcomer is let in by JOIN at any member, gets its
// number and the map, and becomes a follower that Raft's leader brings up to date.
//
// Driven by the loop that its Env belongs to: run_turn() after reading, its own timers and the
// disk's jobs in between; nothing else. While a long command holds the node's own loop that loop is
// run on its own (breathe), inside begin_breath() and end_breath(): then only the control link is
// served, and nobody outside is called.
//
// Invariants: the map is only changed by Raft's entries. A lease is never believed longer than its
// grantor does. A number is given by the map alone.
// Used by: server (commands, INFO), main and the simulator (own one). Start reading at pump().
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/disk.h"
#include "base/env.h"
#include "base/log.h"
#include "base/stream.h"
#include "base/transport.h"
#include "cluster/bus/bus.h"
#include "cluster/bus/channel.h"
#include "cluster/control/duties.h"
#include "cluster/control/leases.h"
#include "cluster/control/messages.h"
#include "cluster/control/node_file.h"
#include "cluster/control/options.h"
#include "cluster/control/proposals.h"
#include "cluster/membership/gossip.h"
#include "cluster/raft/raft.h"
#include "cluster/raft/raft_storage.h"
#include "cluster/topology/cluster_map.h"
#include "cluster/topology/map_change.h"

namespace quoris::control {

// What the start was told. Empty or 0: nothing was said.
struct Wish {
  std::string cluster_name;
  std::optional<std::string> secret;  // empty: none
  std::string name;                   // --node-id; drawn if the directory has none
  std::string announce_host;          // where others reach this node; else it is found out
  std::string bind_host;              // the one address that it listens on, if it is only one
  uint16_t client_port = 0;           // never 0
  uint16_t cluster_port = 0;          // never 0
  std::string rack;
  uint8_t weight = 0;
  uint8_t replication_factor = 0;
  uint16_t partitions = 0;
  std::vector<HostPort> seeds;
};

// Whose control it is. Never called from inside a call to Control, nor in a breath.
class ControlOwner {
 public:
  virtual ~ControlOwner() = default;

  // This node can't go on: another runs with its data, it was removed, its address belongs to
  // somebody else ... The process is to end. Called once.
  virtual void on_fatal(const std::string& why) = 0;
};

class Control final : public TurnHandler, private bus::BusOwner, private raft::StorageOwner {
 public:
  struct Parts {
    Env env;  // of the loop that it runs on
    Transport& transport;
    Log& log;
    ControlOwner& owner;
    std::string directory;  // open and locked
    std::string identity;   // of the directory, 40 hexadecimal digits
    std::string program;    // version of this build
  };

  // Reads what is kept, decides what this node is, keeps that. Blocks.
  // Errors: corrupt or missing files; invalid_argument where the wish contradicts what is kept.
  // What is refused so has changed nothing in the directory.
  [[nodiscard]] static Result<std::unique_ptr<Control>> open(const Parts& parts,
                                                             const Options& options,
                                                             const Wish& wish);
  ~Control() override;
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  void start();
  // Hands leadership over if it has it, says good-bye, then calls `done`; at the latest after a
  // second or so.
  void stop(std::function<void()> done);

  // Connections to the cluster port go here.
  [[nodiscard]] StreamAcceptor& acceptor() { return *bus_; }

  // --- TurnHandler ----------------------------------------------------------------------------
  void run_turn() override;
  [[nodiscard]] bool wants_turn() const override;

  void begin_breath() { is_breathing_ = true; }

  void end_breath() { is_breathing_ = false; }

  // --- what is known --------------------------------------------------------------------------
  [[nodiscard]] bool is_member() const { return number_ != topology::kNoNode; }

  // 0: not let in yet.
  [[nodiscard]] NodeNumber number() const { return number_; }

  [[nodiscard]] BootNumber boot() const { return file_.boot; }

  [[nodiscard]] const std::string& identity() const { return parts_.identity; }

  [[nodiscard]] const std::string& name() const { return file_.name; }

  // Not founded: nothing was heard of it yet.
  [[nodiscard]] const topology::ClusterMap& map() const { return map_; }

  // Of an equal map: computed when it is asked for and the map has changed.
  [[nodiscard]] uint64_t map_hash() const;

  // Null: not a member yet.
  [[nodiscard]] const membership::Gossip* gossip() const { return gossip_.get(); }

  [[nodiscard]] const raft::Raft* raft() const { return raft_.get(); }

  [[nodiscard]] const raft::RaftStorage* storage() const { return storage_.get(); }

  // Raft's; kNoNode: none is known.
  [[nodiscard]] NodeNumber leader() const;

  // This node leads, and knows all that was ever committed.
  [[nodiscard]] bool is_settled_leader() const;

  // Of this node's own lease; 0: none. By the clock, read now.
  [[nodiscard]] uint64_t lease_left_us() const;
  // As the leader has granted it; nothing unless this node leads.
  [[nodiscard]] std::optional<uint64_t> granted_left_us(NodeNumber node) const;

  // Of a member's wall clock, less this one's; nothing if unknown.
  [[nodiscard]] std::optional<membership::ClockEstimate::Reading> clock_of(NodeNumber node) const;

  // ALIVE, SUSPECT, DOWN ...: the map's state, but for a suspicion of gossip.
  [[nodiscard]] std::string_view state_of(const topology::Member& member) const;

  [[nodiscard]] bus::Bus& bus() { return *bus_; }

  [[nodiscard]] const bus::Bus& bus() const { return *bus_; }

  struct Figures {
    uint64_t elections_won = 0;
    uint64_t leases_granted = 0;
    uint64_t leases_denied = 0;
    uint64_t proposals = 0;
    uint64_t proposals_refused = 0;
    uint64_t malformed = 0;  // messages that made no sense
    uint64_t late_us_max = 0;
  };

  [[nodiscard]] const Figures& figures() const { return figures_; }

  // How many keys this node holds, for the others to show. Called by the node's own timer.
  void set_keys(uint64_t keys) { keys_ = keys; }

  // --- what is wanted -------------------------------------------------------------------------
  // Asks the leader, whoever it is, for a change; `done` is called when it is applied here, or when
  // it is refused or given up. Never from inside this call, nor in a breath.
  void propose(const topology::MapChange& change, ProposalDone done);

  // Another node to call, for one that is not let in yet. Errors: it is a member.
  [[nodiscard]] Status add_seed(const HostPort& seed);

  // Leadership moves to another voter; kNoNode: to the best one. Errors: it doesn't lead, or
  // nobody could take over.
  [[nodiscard]] Status hand_over(NodeNumber to);

 private:
  class View;

  // What the process does for others beside its turns.
  enum class Phase : uint8_t {
    newcomer,  // asks to be let in
    member,
    stopping,  // handing over what it has
    over,      // fatal
  };

  Control(const Parts& parts, const Options& options);

  // --- start (start.cc)
  [[nodiscard]] Status decide(const Wish& wish);
  [[nodiscard]] Result<std::optional<raft::StoredState>> read_kept();
  [[nodiscard]] Status check_wish(const Wish& wish) const;
  void take_wish(const Wish& wish);
  void take_secret(const Wish& wish);
  [[nodiscard]] Status check_map(const Wish& wish) const;
  [[nodiscard]] Status check_identity() const;
  void look_ahead(const raft::LogEntry& entry);
  [[nodiscard]] Result<raft::SnapshotPtr> found();
  [[nodiscard]] Result<raft::StoredState> begin_raft(const raft::SnapshotPtr& founded);
  [[nodiscard]] topology::Newcomer newcomer() const;
  void make_member(raft::StoredState state);

  // --- joining (joining.cc)
  void ask_to_join();
  void on_message(const bus::Sender& from, const JoinRequest& request);
  void on_message(const bus::Sender& from, const JoinAnswer& answer);
  [[nodiscard]] std::optional<JoinAnswer> refuse_join(const JoinRequest& request) const;
  void answer_join(bus::PeerId guest, const ProposalResult& result);
  void log_refusal(const bus::NodeFacts& newcomer, const std::string& why);
  void keep_secret();
  void announce_self();
  [[nodiscard]] topology::Addresses wanted_addresses(const topology::Member& self) const;

  // --- peers (peers.cc)
  std::optional<bus::Notice> admit(const bus::PeerFacts& peer) override;
  [[nodiscard]] std::optional<bus::Notice> admit_newcomer(const bus::PeerFacts& peer) const;
  void on_link_up(bus::PeerId peer, bus::LinkKind link) override;
  void on_link_down(bus::PeerId peer, bus::LinkKind link, bus::EndReason reason) override;
  Status on_message(const bus::Sender& from, bus::Words words) override;
  void on_refused(const bus::RefusalReport& report) override;

  void on_room(bus::PeerId /*peer*/, bus::LinkKind /*link*/) override {}

  void tell_bus();
  void note_address(const topology::Member& member, const bus::NodeFacts& facts);
  [[nodiscard]] const topology::ClusterMap& known_map() const;
  [[nodiscard]] const topology::Member* member_of(bus::PeerId peer) const;
  [[nodiscard]] NodeNumber number_of(const bus::Sender& from) const;
  template <class Message>
  void send(NodeNumber to, const Message& message);

  // --- raft::StorageOwner
  void on_persisted(uint64_t sequence) override;
  void on_storage_failed(const Error& error) override;

  // --- a turn (control.cc)
  [[nodiscard]] uint64_t now_us() const;
  [[nodiscard]] membership::Moment moment() const;
  void note_lateness();
  void on_timer();
  void pump();
  void do_what_is_due();
  [[nodiscard]] bool take_raft_output();
  [[nodiscard]] bool take_gossip_output();
  void compact_log();
  void note_commit();
  [[nodiscard]] uint64_t next_due_us() const;
  void arm();
  void pump_soon();
  void post(std::function<void()> call);
  void deliver_posts();
  void fatal(std::string why);
  void go_on_stopping();

  // --- what Raft says (applying.cc)
  void apply(const raft::LogEntry& entry);
  void answer_requests(const raft::LogEntry& entry,
                       const Result<topology::Applied, topology::Refused>* outcome);
  void restore(const raft::Snapshot& snapshot);
  void map_changed(const topology::ClusterMap& before);
  void log_changes(const topology::ClusterMap& before) const;
  [[nodiscard]] std::string why_stale(const topology::Member& member) const;
  void note_leader();
  void on_event(const membership::Event& event);
  void publish_notes();

  // --- leases, duties, proposals (leading.cc)
  void renew_lease();
  void grant_lease(NodeNumber node);
  void on_message(const bus::Sender& from, const LeaseRequest& request);
  void on_message(const bus::Sender& from, const LeaseGrant& grant);
  [[nodiscard]] bool may_lead() const;
  [[nodiscard]] bool knows_the_past() const;
  [[nodiscard]] NodeNumber best_successor() const;
  [[nodiscard]] bool do_duties();
  void push_proposals();
  [[nodiscard]] ProposeAnswer take_proposal(NodeNumber from, const Propose& proposal);
  void on_message(const bus::Sender& from, const Propose& proposal);
  void on_message(const bus::Sender& from, const ProposeAnswer& answer);
  void answer(NodeNumber to, const ProposeAnswer& answer);

  Parts parts_;
  Options options_;
  Phase phase_ = Phase::newcomer;
  NodeFile file_;
  bool is_secret_kept_ = true;  // else the one of the file is another one
  NodeNumber number_{0};
  std::string host_;  // where others reach this node; empty: not known yet
  topology::ClusterMap map_;
  mutable std::optional<uint64_t> map_hash_;
  // Where the log will lead if all that was in it at the start is committed: whom to call, and whom
  // to believe that it is a member, until the map has got there.
  topology::ClusterMap ahead_;
  Term ahead_term_{0};          // of the last entry in it
  bool is_ahead_lost_ = false;  // it was dropped: the bus is to be told
  // A member is told to join as well; asked while it is alone in its cluster.
  std::vector<HostPort> asked_seeds_;
  // Of a cluster that we belong to, but not in the map here yet.
  std::map<NodeNumber, bus::PeerId> strangers_;
  // Members that say they are elsewhere than the map does.
  std::map<NodeNumber, HostPort> moved_;
  bool has_moved_ = false;  // the bus is to be told
  size_t map_bytes_ = 0;    // encoded, when it was last

  std::unique_ptr<bus::Bus> bus_;
  std::optional<bus::Channel<ControlMessages>> channel_;
  std::unique_ptr<raft::RaftStorage> storage_;
  raft::StoredState stored_;  // of a newcomer, until Raft is made
  std::unique_ptr<raft::Raft> raft_;
  std::unique_ptr<membership::Gossip> gossip_;
  LeaseHolder lease_;
  LeaseGrants grants_;
  std::map<NodeNumber, LeaseRequest> lease_requests_;  // the last one of each, not answered yet
  Proposals proposals_;
  Requests requests_;
  Duties duties_;
  Figures figures_;

  // As others were told, so that only news is told again.
  NodeNumber known_leader_{0};
  Term known_term_{0};
  LogIndex proposed_{0};  // by duty; the next ones are decided once this is applied
  LogIndex decided_{0};   // the version of the map at the last look
  bool is_announcing_ = false;
  std::set<std::string> joining_;               // identities that are being let in
  std::string last_refusal_;                    // of a newcomer, as it was logged
  std::map<std::string, uint64_t> refused_us_;  // newcomers and why, when it was logged

  TimerId timer_{0};
  uint64_t timer_due_us_ = 0;
  uint64_t join_due_us_ = 0;
  uint64_t announce_due_us_ = 0;
  uint64_t lease_due_us_ = 0;
  uint64_t duty_due_us_ = 0;
  uint64_t commit_due_us_ = 0;  // 0: not yet, or nothing is to be noted
  uint64_t stop_by_us_ = 0;
  uint64_t keys_due_us_ = 0;
  uint64_t keys_ = 0;
  uint64_t told_keys_ = 0;
  std::function<void()> stopped_;
  std::deque<std::function<void()>> posts_;
  bool is_breathing_ = false;
  bool is_pumping_ = false;
};

// To a member, or to who will be one once the map here knows. What can't be sent is lost, as
// messages may be: all protocols here repeat.
template <class Message>
void Control::send(NodeNumber to, const Message& message) {
  if (bus_->find(to)) {
    static_cast<void>(channel_->send(to, message));
  } else if (const auto found = strangers_.find(to); found != strangers_.end()) {
    static_cast<void>(channel_->send(found->second, message));
  }
}

}  // namespace quoris::control
