// Handlers of the commands on single keys of any type; their rows stand in key_rows.cc.
//
// REQUIRES of each: the arity fits (the dispatcher checks it).
#pragma once

namespace quoris::command {

class DataContext;

void handle_del(DataContext& context);
void handle_unlink(DataContext& context);
void handle_exists(DataContext& context);
void handle_type(DataContext& context);
void handle_touch(DataContext& context);
void handle_rename(DataContext& context);
void handle_renamenx(DataContext& context);
void handle_copy(DataContext& context);
void handle_move(DataContext& context);

// Expiry.
void handle_expire(DataContext& context);
void handle_pexpire(DataContext& context);
void handle_expireat(DataContext& context);
void handle_pexpireat(DataContext& context);
void handle_expiretime(DataContext& context);
void handle_pexpiretime(DataContext& context);
void handle_ttl(DataContext& context);
void handle_pttl(DataContext& context);
void handle_persist(DataContext& context);

// Containers: OBJECT <word>.
void handle_object_encoding(DataContext& context);
void handle_object_freq(DataContext& context);
void handle_object_idletime(DataContext& context);
void handle_object_refcount(DataContext& context);
void handle_object_help(DataContext& context);

}  // namespace quoris::command
