// Handlers of the commands on a whole database or all of them; their rows stand in key_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_dbsize(DataContext& context);
void handle_keys(DataContext& context);
void handle_scan(DataContext& context);
void handle_randomkey(DataContext& context);
void handle_swapdb(DataContext& context);
void handle_flushdb(DataContext& context);
void handle_flushall(DataContext& context);

}  // namespace quoris::command
