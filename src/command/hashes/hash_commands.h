// Handlers of the hash commands; their rows stand in hash_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_hset(DataContext& context);
void handle_hmset(DataContext& context);
void handle_hsetnx(DataContext& context);
void handle_hdel(DataContext& context);

// One field, or some.
void handle_hget(DataContext& context);
void handle_hmget(DataContext& context);
void handle_hexists(DataContext& context);
void handle_hstrlen(DataContext& context);

// The whole hash.
void handle_hlen(DataContext& context);
void handle_hkeys(DataContext& context);
void handle_hvals(DataContext& context);
void handle_hgetall(DataContext& context);
void handle_hscan(DataContext& context);

// Counters.
void handle_hincrby(DataContext& context);
void handle_hincrbyfloat(DataContext& context);

// By chance.
void handle_hrandfield(DataContext& context);

}  // namespace quoris::command
