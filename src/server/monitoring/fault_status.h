// What FAULT STATUS answers: the rules in force, and per peer and link what became of messages, and
// how often it was closed for what came, refused by either side, or closed for silence.
//
// A map (RESP2: names and values in turn): enabled, failed, rules as FAULT takes them (nodes as
// `namer` calls them), links. Of each peer there is one entry per kind of link; its counters are
// kept over reconnects, as long as the peer is known. Pure. Used by: FAULT.
#pragma once

#include <vector>

#include "cluster/bus/bus.h"
#include "cluster/fault/fault_rules.h"
#include "resp/reply_writer.h"

namespace quoris::server {

void write_fault_status(resp::ReplyWriter& reply, const fault::FaultRules& rules,
                        const fault::NodeNamer& namer, const std::vector<bus::PeerStatus>& peers,
                        const std::vector<bus::LinkStatus>& links);

}  // namespace quoris::server
