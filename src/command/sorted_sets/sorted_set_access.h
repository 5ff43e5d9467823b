// What sorted set handlers share: members and scores as replies.
//
// Used by: the handlers in this folder.
#pragma once

#include "command/value_access.h"
#include "store/zset_value.h"

namespace quoris::command {

// How members stand in an array.
enum class MemberForm : uint8_t {
  alone,
  pairs,           // member and score in arrays of two
  pairs_if_resp3,  // ... in RESP3; in RESP2 one behind the other
  flat,            // one behind the other
};

// The header of an array of so many members.
inline void reply_member_count(DataContext& context, size_t count, MemberForm form) {
  const bool flat =
      form == MemberForm::flat ||
      (form == MemberForm::pairs_if_resp3 && context.reply().protocol() == resp::Protocol::resp2);
  context.reply().array(flat ? count * 2 : count);
}

inline void reply_scored(DataContext& context, const store::StringView& member, double score,
                         MemberForm form) {
  const bool pairs =
      form == MemberForm::pairs ||
      (form == MemberForm::pairs_if_resp3 && context.reply().protocol() == resp::Protocol::resp3);
  if (pairs) context.reply().array(2);
  reply_element(context, member);
  if (form != MemberForm::alone) context.reply().number(score);
}

// Members at ranks from `rank` on, as an array.
inline void reply_members(DataContext& context, const store::ZsetView& view, size_t rank,
                          size_t count, bool descending, MemberForm form) {
  reply_member_count(context, count, form);
  view.for_each(rank, count, descending, [&](const store::StringView& member, double score) {
    context.step();
    reply_scored(context, member, score, form);
    return true;
  });
}

}  // namespace quoris::command
