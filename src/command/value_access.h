// What the handlers of all types share: the check of a value's type, an element as a reply.
//
// Used by: the families' handlers.
#pragma once

#include "command/data_context.h"
#include "command/errors.h"
#include "store/entry.h"

namespace quoris::command {

// False, and WRONGTYPE is the reply, if the entry holds another type. No entry at all passes.
[[nodiscard]] inline bool check_type(DataContext& context, const store::Entry* entry,
                                     store::Type type) {
  if (entry == nullptr || entry->type() == type) [[likely]] {
    return true;
  }
  context.reply().error(errors::kWrongType);
  return false;
}

// A member, a field, an item, a string's value: as a bulk.
inline void reply_element(DataContext& context, const store::StringView& element) {
  if (element.is_integer) {
    context.reply().bulk_integer(element.integer);
  } else {
    context.reply().bulk(element.bytes);
  }
}

}  // namespace quoris::command
