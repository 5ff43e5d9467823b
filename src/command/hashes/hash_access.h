// What hash handlers share: the check of a value's type, fields and values as replies.
//
// Used by: the handlers in hash_*.cc.
#pragma once

#include "command/data_context.h"
#include "command/errors.h"
#include "store/hash_value.h"

namespace quoris::command {

// False, and WRONGTYPE is the reply, if the entry holds no hash. No entry at all passes.
[[nodiscard]] inline bool check_hash(DataContext& context, const store::Entry* entry) {
  if (entry == nullptr || entry->type() == store::Type::hash) [[likely]] {
    return true;
  }
  context.reply().error(errors::kWrongType);
  return false;
}

// A field or a value.
inline void reply_part(DataContext& context, const store::StringView& part) {
  if (part.is_integer) {
    context.reply().bulk_integer(part.integer);
  } else {
    context.reply().bulk(part.bytes);
  }
}

}  // namespace quoris::command
