// A new time to live for a key that is there, with its event: what EXPIRE and GETEX share.
//
// Used by: expiry_commands.cc, string_commands.cc.
#pragma once

#include "command/data_context.h"

namespace quoris::command {

// A time that is past already removes the key. `entry` is void afterwards.
inline void expire_key(DataContext& context, const store::HashedKey& key, store::Entry& entry,
                       int64_t expire_at_ms) {
  if (expire_at_ms <= context.now_ms()) {
    context.writer().remove(context.db(), key);
    context.notify(store::EventClass::generic, "del", key.bytes);
  } else {
    context.writer().set_expiry(context.db(), key, entry, expire_at_ms);
    context.notify(store::EventClass::generic, "expire", key.bytes);
  }
}

}  // namespace quoris::command
