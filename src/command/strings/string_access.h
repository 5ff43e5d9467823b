// What string handlers share: the check of a value's type, and a value as a reply.
//
// Used by: the handlers in string_*.cc and lcs_command.cc.
#pragma once

#include "command/data_context.h"
#include "command/errors.h"

namespace quoris::command {

// False, and WRONGTYPE is the reply, if the entry holds no string. No entry at all passes.
[[nodiscard]] inline bool check_string(DataContext& context, const store::Entry* entry) {
  if (entry == nullptr || entry->type() == store::Type::string) [[likely]] {
    return true;
  }
  context.reply().error(errors::kWrongType);
  return false;
}

// REQUIRES: entry is a string.
inline void reply_string(DataContext& context, const store::Entry& entry) {
  const store::StringView value = entry.string();
  if (value.is_integer) {
    context.reply().bulk_integer(value.integer);
  } else {
    context.reply().bulk(value.bytes);
  }
}

// Replies the value as GET does: null for no entry. False if WRONGTYPE was the reply.
inline bool reply_string_or_null(DataContext& context, const store::Entry* entry) {
  if (!check_string(context, entry)) return false;
  if (entry == nullptr) {
    context.reply().null();
  } else {
    reply_string(context, *entry);
  }
  return true;
}

}  // namespace quoris::command
