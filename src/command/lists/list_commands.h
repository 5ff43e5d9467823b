// Handlers of the list commands; their rows stand in list_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_lpush(DataContext& context);
void handle_rpush(DataContext& context);
void handle_lpushx(DataContext& context);
void handle_rpushx(DataContext& context);
void handle_lpop(DataContext& context);
void handle_rpop(DataContext& context);
void handle_llen(DataContext& context);
void handle_lindex(DataContext& context);
void handle_lset(DataContext& context);
void handle_linsert(DataContext& context);
void handle_lrange(DataContext& context);
void handle_lrem(DataContext& context);
void handle_ltrim(DataContext& context);
void handle_lpos(DataContext& context);

// From one list to another, or from the first of several that has items.
void handle_lmove(DataContext& context);
void handle_rpoplpush(DataContext& context);
void handle_lmpop(DataContext& context);

// Those that wait.
void handle_blpop(DataContext& context);
void handle_brpop(DataContext& context);
void handle_blmove(DataContext& context);
void handle_brpoplpush(DataContext& context);
void handle_blmpop(DataContext& context);

}  // namespace quoris::command
