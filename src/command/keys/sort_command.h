// Handlers of SORT and SORT_RO; their rows stand in sort_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_sort(DataContext& context);
void handle_sort_ro(DataContext& context);

}  // namespace quoris::command
