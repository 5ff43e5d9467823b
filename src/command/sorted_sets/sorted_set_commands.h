// Handlers of the sorted set commands; each row in sorted_set_rows.cc names one.
//
// Where to look: sorted_set_commands.cc (members and scores), sorted_set_ranges.cc,
// sorted_set_pops.cc, sorted_set_algebra.cc (unions, intersections, differences).
#pragma once

namespace quoris::command {

class DataContext;

void handle_zadd(DataContext& context);
void handle_zincrby(DataContext& context);
void handle_zrem(DataContext& context);
void handle_zcard(DataContext& context);
void handle_zscore(DataContext& context);
void handle_zmscore(DataContext& context);
void handle_zrank(DataContext& context);
void handle_zrevrank(DataContext& context);
void handle_zrandmember(DataContext& context);
void handle_zscan(DataContext& context);

void handle_zcount(DataContext& context);
void handle_zlexcount(DataContext& context);
void handle_zrange(DataContext& context);
void handle_zrangestore(DataContext& context);
void handle_zrevrange(DataContext& context);
void handle_zrangebyscore(DataContext& context);
void handle_zrevrangebyscore(DataContext& context);
void handle_zrangebylex(DataContext& context);
void handle_zrevrangebylex(DataContext& context);
void handle_zremrangebyrank(DataContext& context);
void handle_zremrangebyscore(DataContext& context);
void handle_zremrangebylex(DataContext& context);

void handle_zpopmin(DataContext& context);
void handle_zpopmax(DataContext& context);
void handle_zmpop(DataContext& context);
void handle_bzpopmin(DataContext& context);
void handle_bzpopmax(DataContext& context);
void handle_bzmpop(DataContext& context);

void handle_zunion(DataContext& context);
void handle_zinter(DataContext& context);
void handle_zdiff(DataContext& context);
void handle_zunionstore(DataContext& context);
void handle_zinterstore(DataContext& context);
void handle_zdiffstore(DataContext& context);
void handle_zintercard(DataContext& context);

}  // namespace quoris::command
