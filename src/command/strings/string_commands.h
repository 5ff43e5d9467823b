// Handlers of the string commands; their rows stand in string_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_get(DataContext& context);
void handle_set(DataContext& context);
void handle_getset(DataContext& context);
void handle_getdel(DataContext& context);
void handle_getex(DataContext& context);
void handle_setex(DataContext& context);
void handle_psetex(DataContext& context);
void handle_setnx(DataContext& context);
void handle_mget(DataContext& context);
void handle_mset(DataContext& context);
void handle_msetnx(DataContext& context);

// Counters.
void handle_incr(DataContext& context);
void handle_incrby(DataContext& context);
void handle_decr(DataContext& context);
void handle_decrby(DataContext& context);
void handle_incrbyfloat(DataContext& context);

// Parts of a value.
void handle_append(DataContext& context);
void handle_strlen(DataContext& context);
void handle_getrange(DataContext& context);
void handle_substr(DataContext& context);
void handle_setrange(DataContext& context);
void handle_lcs(DataContext& context);

}  // namespace quoris::command
