#include "server/monitoring/fault_status.h"

#include <fmt/format.h>

#include <string>

namespace quoris::server {
namespace {

// What waits in a peer's open connections of one kind, and how many of them there are.
struct Queue {
  size_t open = 0;
  size_t messages = 0;
  size_t bytes = 0;
};

Queue queue_of(const std::vector<bus::LinkStatus>& links, bus::PeerId peer, bus::LinkKind kind) {
  Queue queue;
  for (const bus::LinkStatus& link : links) {
    if (link.peer != peer || link.link != kind) continue;
    queue.open += link.state == bus::Connection::State::open ? 1 : 0;
    queue.messages += link.queued_messages;
    queue.bytes += link.queued_bytes;
  }
  return queue;
}

void number(resp::ReplyWriter& reply, std::string_view name, uint64_t value) {
  reply.bulk(name);
  reply.integer(static_cast<int64_t>(value));
}

// A guest has no number, and one of an older version perhaps no name.
std::string name_of(const bus::PeerStatus& peer) {
  if (!peer.facts.name.empty()) return peer.facts.name;
  return peer.number == NodeNumber{0} ? peer.facts.identity : fmt::to_string(raw(peer.number));
}

void write_link(resp::ReplyWriter& reply, const bus::PeerStatus& peer, bus::LinkKind kind,
                const Queue& queue) {
  const bus::LinkCounters& counters = peer.counters[index_of(kind)];
  const bus::FlowCounters& out = counters.out;
  const bus::FlowCounters& in = counters.in;
  reply.map(18);
  reply.bulk("node");
  reply.bulk(name_of(peer));
  number(reply, "number", raw(peer.number));
  reply.bulk("link");
  reply.bulk(name_of(kind));
  number(reply, "open", queue.open);
  number(reply, "sent", out.messages);
  number(reply, "delivered", in.messages);
  number(reply, "dropped", out.dropped + in.dropped);
  number(reply, "duplicated", out.duplicated + in.duplicated);
  number(reply, "delayed", out.delayed + in.delayed);
  number(reply, "bytes-out", out.bytes);
  number(reply, "bytes-in", in.bytes);
  number(reply, "queued-messages", queue.messages);
  number(reply, "queued-bytes", queue.bytes);
  number(reply, "queue-full", counters.queue_full);
  number(reply, "connects", counters.connects);
  number(reply, "malformed", counters.malformed);
  number(reply, "refused", counters.refusals);
  number(reply, "silent", counters.silences);
}

}  // namespace

void write_fault_status(resp::ReplyWriter& reply, const fault::FaultRules& rules,
                        const fault::NodeNamer& namer, const std::vector<bus::PeerStatus>& peers,
                        const std::vector<bus::LinkStatus>& links) {
  reply.map(4);
  number(reply, "enabled", rules.is_enabled() ? 1 : 0);
  number(reply, "failed", rules.is_failed() ? 1 : 0);
  reply.bulk("rules");
  const std::vector<fault::FaultCommand> commands = rules.commands();
  reply.array(commands.size());
  for (const fault::FaultCommand& command : commands) {
    reply.bulk(fault::format_fault(command, namer));
  }
  reply.bulk("links");
  reply.array(peers.size() * bus::kLinkKinds.size());
  for (const bus::PeerStatus& peer : peers) {
    for (const bus::LinkKind kind : bus::kLinkKinds) {
      write_link(reply, peer, kind, queue_of(links, peer.peer, kind));
    }
  }
}

}  // namespace quoris::server
