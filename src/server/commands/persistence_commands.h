// Commands that save: SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE.
//
// A snapshot is what lets the log's older part go, so BGREWRITEAOF and BGSAVE are the same. SAVE
// answers when it is done; others are served meanwhile.
// Used by: rows.
#pragma once

#include "server/node_context.h"

namespace quoris::server {

void handle_save(NodeContext& context);
void handle_bgsave(NodeContext& context);
void handle_bgrewriteaof(NodeContext& context);
void handle_lastsave(NodeContext& context);

}  // namespace quoris::server
