// CLUSTER JOIN, LEAVE, REMOVE, FAILOVER: who belongs to the cluster, and who leads.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "cluster/control/control.h"
#include "command/args.h"
#include "command/errors.h"
#include "server/commands/cluster_commands.h"
#include "server/monitoring/cluster_view.h"
#include "server/node.h"
#include "server/node_context.h"

namespace quoris::server {
namespace {

namespace errors = command::errors;
using command::is;
using topology::ClusterMap;
using topology::Member;
using topology::MemberState;

// --- a change, and a client that waits for it ---------------------------------------------------

// Lives as long as its client waits: a proposal that ends later finds it gone, whether the client
// went away, was unblocked, or the node itself has ended.
struct Waiter {
  Node& node;
  SessionId session{0};
  std::string error;  // empty: it was applied
};

// Whether a member departs, as it was asked for.
struct Departing {
  NodeNumber member{0};
  bool departs = true;
};

void end(const std::shared_ptr<Waiter>& waiter, std::string error) {
  Session* session = waiter->node.find_session(waiter->session);
  if (session == nullptr || !session->is_blocked()) return;
  waiter->error = std::move(error);
  waiter->node.unblock(*session, UnblockReason::ready);
}

void propose(const std::shared_ptr<Waiter>& waiter, const Departing& wish, int tries_left);

void on_result(const std::shared_ptr<Waiter>& waiter, const Departing& wish, int tries_left,
               const control::ProposalResult& result) {
  using Kind = control::ProposalResult::Kind;
  switch (result.kind) {
    case Kind::applied:
      return end(waiter, {});
    case Kind::refused:
      // The member changed meanwhile, in some way that may not matter: look again.
      if (result.why == topology::Refusal::late && tries_left > 0) {
        return propose(waiter, wish, tries_left - 1);
      }
      return end(waiter, errors::change_refused(result.message));
    case Kind::unreachable:
      return end(waiter, errors::change_uncertain(result.message));
  }
}

void propose(const std::shared_ptr<Waiter>& waiter, const Departing& wish, int tries_left) {
  control::Control& control = *waiter->node.cluster();
  const Member* member = control.map().find(wish.member);
  if (member == nullptr) return end(waiter, errors::no_such_node(fmt::to_string(raw(wish.member))));
  if (member->departs == wish.departs) return end(waiter, {});
  const topology::SeenMember seen{
      .number = member->number, .boot = member->boot, .version = control.map().version};
  control.propose(
      topology::SetDeparting{.member = seen, .departs = wish.departs},
      [weak = std::weak_ptr(waiter), wish, tries_left](const control::ProposalResult& result) {
        const std::shared_ptr<Waiter> waits = weak.lock();
        if (waits != nullptr) on_result(waits, wish, tries_left, result);
      });
}

// Answers when the map says so.
void set_departing(NodeContext& context, const Departing& wish) {
  constexpr int kTries = 5;
  Node& node = context.node();
  const auto waiter = std::make_shared<Waiter>(
      Waiter{.node = node, .session = context.session().id(), .error = {}});
  node.block(context.session(), 0, [waiter](resp::ReplyWriter& reply, UnblockReason reason) {
    if (reason == UnblockReason::client_unblock) return reply.error(errors::kUnblocked);
    if (reason != UnblockReason::ready) return reply.error(errors::change_uncertain("unblocked"));
    if (!waiter->error.empty()) return reply.error(waiter->error);
    reply.ok();
  });
  propose(waiter, wish, kTries);
}

// --- arguments ----------------------------------------------------------------------------------

// This node's cluster, if it is a member; else the reply is written.
control::Control* as_member(NodeContext& context) {
  control::Control* control = clustered(context);
  if (control == nullptr) return nullptr;
  if (control->is_member()) return control;
  context.reply().error(errors::kNotLetIn);
  return nullptr;
}

// The member that the third word names, or without one this node. Null: the reply is written.
const Member* member_argument(NodeContext& context, const control::Control& control) {
  const ClusterMap& map = control.map();
  const bool is_named = context.count() > 2;
  const Member* member =
      is_named ? find_member(map, context.argument(2)) : map.find(control.number());
  if (member == nullptr) {
    context.reply().error(errors::no_such_node(is_named ? context.argument(2) : control.name()));
  }
  return member;
}

size_t count_staying(const ClusterMap& map) {
  return static_cast<size_t>(
      std::ranges::count_if(map.members, [](const Member& member) { return !member.departs; }));
}

// "host:port", or the two as words of their own.
command::Parsed<HostPort> join_address(const NodeContext& context) {
  if (context.count() == 3) {
    Result<HostPort> parsed = control::parse_host_port(context.argument(2));
    if (!parsed) return errors::change_refused(parsed.error().message);
    return *std::move(parsed);
  }
  const auto port =
      command::integer_argument(context.argument(3), 1, UINT16_MAX, errors::kBadClusterPort);
  if (!port) return port.error();
  return HostPort{.host = std::string(context.argument(2)), .port = static_cast<uint16_t>(*port)};
}

void join_by(NodeContext& context, control::Control& control) {
  const auto seed = join_address(context);
  if (!seed) return context.reply().error(seed.error());
  if (const Status added = control.add_seed(*seed); !added) {
    return context.reply().error(errors::change_refused(added.error().message));
  }
  context.reply().ok();
}

}  // namespace

void handle_cluster_join(NodeContext& context) {
  control::Control* control = clustered(context);
  if (control == nullptr) return;
  if (context.count() > 4) return context.reply().error(errors::kSyntax);
  const bool has_address = context.count() > 2;
  if (!control->is_member()) {
    if (!has_address) return context.reply().error(errors::kJoinWhom);
    return join_by(context, *control);
  }
  const Member* self = control->map().find(control->number());
  if (has_address || self == nullptr || !self->departs) {
    return context.reply().error(
        errors::is_member_already(control->map().name, raw(control->number())));
  }
  set_departing(context, {.member = self->number, .departs = false});
}

void handle_cluster_leave(NodeContext& context) {
  if (context.count() > 3) return context.reply().error(errors::kSyntax);
  const control::Control* control = as_member(context);
  if (control == nullptr) return;
  const Member* member = member_argument(context, *control);
  if (member == nullptr) return;
  if (member->departs) return context.reply().ok();
  if (member->state == MemberState::down) {
    return context.reply().error(errors::is_down(member->name));
  }
  if (count_staying(control->map()) < 2) return context.reply().error(errors::kLastNodeStays);
  set_departing(context, {.member = member->number, .departs = true});
}

void handle_cluster_remove(NodeContext& context) {
  const control::Control* control = as_member(context);
  if (control == nullptr) return;
  const Member* member = member_argument(context, *control);
  if (member == nullptr) return;
  if (member->state != MemberState::down) {
    return context.reply().error(control->leader() == topology::kNoNode
                                     ? errors::is_not_down_yet(member->name)
                                     : errors::is_not_down(member->name));
  }
  if (member->departs) return context.reply().ok();
  if (count_staying(control->map()) < 2) return context.reply().error(errors::kLastNodeStays);
  set_departing(context, {.member = member->number, .departs = true});
}

void handle_cluster_failover(NodeContext& context) {
  if (context.count() > 3) return context.reply().error(errors::kSyntax);
  control::Control* control = as_member(context);
  if (control == nullptr) return;
  NodeNumber target = topology::kNoNode;
  if (context.count() == 3) {
    if (is(context.argument(2), "FORCE") || is(context.argument(2), "TAKEOVER")) {
      return context.reply().error(errors::kNoManualFailover);
    }
    const Member* member = member_argument(context, *control);
    if (member == nullptr) return;
    target = member->number;
  }
  if (control->leader() != control->number()) {
    const Member* leader = control->map().find(control->leader());
    return context.reply().error(
        leader == nullptr ? std::string(errors::kNoLeader)
                          : errors::leads_instead(leader->name, client_address(*leader)));
  }
  if (target == control->number()) return context.reply().error(errors::kLeadsAlready);
  if (const Status handed = control->hand_over(target); !handed) {
    return context.reply().error(errors::change_refused(handed.error().message));
  }
  context.reply().ok();
}

}  // namespace quoris::server
