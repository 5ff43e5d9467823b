// What string handlers share: a value as a reply.
//
// Used by: the handlers in string_*.cc and lcs_command.cc.
#pragma once

#include "command/value_access.h"

namespace quoris::command {

// REQUIRES: entry is a string.
inline void reply_string(DataContext& context, const store::Entry& entry) {
  reply_element(context, entry.string());
}

// Replies the value as GET does: null for no entry. False if WRONGTYPE was the reply.
inline bool reply_string_or_null(DataContext& context, const store::Entry* entry) {
  if (!check_type(context, entry, store::Type::string)) return false;
  if (entry == nullptr) {
    context.reply().null();
  } else {
    reply_string(context, *entry);
  }
  return true;
}

}  // namespace quoris::command
