// Handlers of the set commands; their rows stand in set_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_sadd(DataContext& context);
void handle_srem(DataContext& context);
void handle_smove(DataContext& context);
void handle_scard(DataContext& context);
void handle_sismember(DataContext& context);
void handle_smismember(DataContext& context);
void handle_smembers(DataContext& context);
void handle_sscan(DataContext& context);

// Members by chance.
void handle_spop(DataContext& context);
void handle_srandmember(DataContext& context);

// Several sets.
void handle_sinter(DataContext& context);
void handle_sinterstore(DataContext& context);
void handle_sintercard(DataContext& context);
void handle_sunion(DataContext& context);
void handle_sunionstore(DataContext& context);
void handle_sdiff(DataContext& context);
void handle_sdiffstore(DataContext& context);

}  // namespace quoris::command
