// Every error text that a client sees, once. Clients match on some of them, so the words are
// Redis 7.0.15's where Redis has that error.
//
// Used by: command, server. Constants begin with their code; functions make a text with parts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace quoris::command::errors {

inline constexpr std::string_view kSyntax = "ERR syntax error";
inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
inline constexpr std::string_view kOutOfRange = "ERR index out of range";
inline constexpr std::string_view kOverflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view kNoAuth = "NOAUTH Authentication required.";
inline constexpr std::string_view kDbOutOfRange = "ERR DB index is out of range";

// Connections and transactions.
inline constexpr std::string_view kWrongPass =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view kBadClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";
inline constexpr std::string_view kPasswordNotSet =
    "ERR AUTH <password> called without any password configured for the default user. Are you "
    "sure your configuration is correct?";
inline constexpr std::string_view kHelloNeedsAuth =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH "
    "<user> <pass> option can be used to authenticate the client and select the RESP protocol "
    "version at the same time";
inline constexpr std::string_view kBadProtocolVersion =
    "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view kNoSuchProtocol = "NOPROTO unsupported protocol version";
inline constexpr std::string_view kNestedMulti = "ERR MULTI calls can not be nested";
inline constexpr std::string_view kDiscardWithoutMulti = "ERR DISCARD without MULTI";
inline constexpr std::string_view kExecWithoutMulti = "ERR EXEC without MULTI";
inline constexpr std::string_view kWatchInsideMulti = "ERR WATCH inside MULTI is not allowed";
inline constexpr std::string_view kExecAborted =
    "EXECABORT Transaction discarded because of previous errors.";
inline constexpr std::string_view kNotInMulti = "ERR Command not allowed inside a transaction";
inline constexpr std::string_view kMonitorOnKeys = "ERR Replica can't interact with the keyspace";
inline constexpr std::string_view kTransactionTooLarge =
    "ERR transaction is larger than client-query-buffer-limit";
inline constexpr std::string_view kLoading = "LOADING Redis is loading the dataset in memory";
inline constexpr std::string_view kSnapshotFails =
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to "
    "disk. Commands that may modify the data set are disabled, because this instance is "
    "configured to report errors during writes if RDB snapshotting fails "
    "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB "
    "error.";

[[nodiscard]] inline std::string disk_fails_log(std::string_view why) {
  return "MISCONF Errors writing to the AOF file: " + std::string(why);
}

inline constexpr std::string_view kSaveFailed = "ERR";
inline constexpr std::string_view kCannotSave = "ERR there is no data directory to save to";
inline constexpr std::string_view kSaveInProgress = "ERR Background save already in progress";
inline constexpr std::string_view kRewriteInProgress =
    "ERR Background append only file rewriting already in progress";
inline constexpr std::string_view kNoSaveBesideRewrite =
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in "
    "order to schedule a BGSAVE whenever possible.";
inline constexpr std::string_view kOutOfMemory =
    "OOM command not allowed when used memory > 'maxmemory'.";

// Keys.
inline constexpr std::string_view kSameObject = "ERR source and destination objects are the same";
inline constexpr std::string_view kInvalidFirstDb = "ERR invalid first DB index";
inline constexpr std::string_view kInvalidSecondDb = "ERR invalid second DB index";
inline constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
inline constexpr std::string_view kExpireNxConflict =
    "ERR NX and XX, GT or LT options at the same time are not compatible";
inline constexpr std::string_view kExpireGtLtConflict =
    "ERR GT and LT options at the same time are not compatible";
inline constexpr std::string_view kNoIdleTimeUnderLfu =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when "
    "switching between policies at runtime LRU and LFU data will take some time to adjust.";
inline constexpr std::string_view kNoFrequencyWithoutLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
    "when switching between policies at runtime LRU and LFU data will take some time to adjust.";
inline constexpr std::string_view kSortNotNumbers =
    "ERR One or more scores can't be converted into double";

// Collections.
inline constexpr std::string_view kNotPositive = "ERR value is out of range, must be positive";
inline constexpr std::string_view kNumkeysNotPositive = "ERR numkeys should be greater than 0";
inline constexpr std::string_view kTooManyKeys =
    "ERR Number of keys can't be greater than number of args";
inline constexpr std::string_view kLimitNegative = "ERR LIMIT can't be negative";
inline constexpr std::string_view kReplyTooLarge =
    "ERR Insufficient memory, the reply exceeds proto-max-bulk-len";

// Strings.
inline constexpr std::string_view kDecrementOverflow = "ERR decrement would overflow";
inline constexpr std::string_view kNanOrInfinity = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view kOffsetOutOfRange = "ERR offset is out of range";
inline constexpr std::string_view kStringTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view kLcsNotStrings =
    "ERR The specified keys must contain string values";
inline constexpr std::string_view kLcsLengthAndIndexes =
    "ERR If you want both the length and indexes, please just use IDX.";
inline constexpr std::string_view kLcsTooLarge =
    "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";

// Hashes.
inline constexpr std::string_view kHashValueNotInteger = "ERR hash value is not an integer";
inline constexpr std::string_view kHashValueNotFloat = "ERR hash value is not a float";
inline constexpr std::string_view kIncrementNanOrInfinity = "ERR value is NaN or Infinity";
inline constexpr std::string_view kCountOutOfRange = "ERR value is out of range";

// Lists.
inline constexpr std::string_view kRankIsZero =
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use "
    "negative to start from the end of the list";
inline constexpr std::string_view kNegativeCount = "ERR COUNT can't be negative";
inline constexpr std::string_view kNegativeMaxlen = "ERR MAXLEN can't be negative";
inline constexpr std::string_view kCountNotPositive = "ERR count should be greater than 0";

// Sorted sets.
inline constexpr std::string_view kNxAndXx =
    "ERR XX and NX options at the same time are not compatible";
inline constexpr std::string_view kGtLtNx =
    "ERR GT, LT, and/or NX options at the same time are not compatible";
inline constexpr std::string_view kIncrTakesOnePair =
    "ERR INCR option supports a single increment-element pair";
inline constexpr std::string_view kScoreNotANumber = "ERR resulting score is not a number (NaN)";
inline constexpr std::string_view kBoundNotFloat = "ERR min or max is not a float";
inline constexpr std::string_view kBoundNotLex = "ERR min or max not valid string range item";
inline constexpr std::string_view kLimitByRank =
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
inline constexpr std::string_view kScoresByLex =
    "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
inline constexpr std::string_view kWeightNotFloat = "ERR weight value is not a float";

// Clients, monitoring, the node.
inline constexpr std::string_view kClientIdNotPositive = "ERR client-id should be greater than 0";
inline constexpr std::string_view kInvalidClientId = "ERR Invalid client ID";
inline constexpr std::string_view kNoSuchClient = "ERR No such client";
inline constexpr std::string_view kBadPauseMode = "ERR CLIENT PAUSE mode must be WRITE or ALL";
inline constexpr std::string_view kBadUnblockReason =
    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR";
inline constexpr std::string_view kUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
inline constexpr std::string_view kTimeoutNotInteger =
    "ERR timeout is not an integer or out of range";
inline constexpr std::string_view kTimeoutNotFloat = "ERR timeout is not a float or out of range";
inline constexpr std::string_view kTimeoutNegative = "ERR timeout is negative";
inline constexpr std::string_view kBadSlowlogCount =
    "ERR count should be greater than or equal to -1";
inline constexpr std::string_view kMonitorMayNotBlock =
    "ERR MONITOR isn't allowed for DENY BLOCKING client";
inline constexpr std::string_view kShutdownFailed = "ERR Errors trying to SHUTDOWN. Check logs.";
inline constexpr std::string_view kNoShutdown = "ERR No shutdown in progress.";
inline constexpr std::string_view kDebugNotAllowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
    "can "
    "run it from a local connection, otherwise you need to set this option in the configuration "
    "file, and then restart the server.";
inline constexpr std::string_view kBadProtocolType =
    "ERR Wrong protocol type name. Please use one of the following: "
    "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";
inline constexpr std::string_view kNeedsResp3 = "ERR RESP2 is not supported by this command";

// COMMAND GETKEYS and GETKEYSANDFLAGS.
inline constexpr std::string_view kInvalidCommand = "ERR Invalid command specified";
inline constexpr std::string_view kNoKeyArguments = "ERR The command has no key arguments";
inline constexpr std::string_view kInvalidArgumentCount =
    "ERR Invalid number of arguments specified for command";
inline constexpr std::string_view kInvalidArguments = "ERR Invalid arguments specified for command";

// What an error text quotes of a client's word: up to its first zero byte, as Redis does.
[[nodiscard]] inline std::string quoted(std::string_view word) {
  return std::string(word.substr(0, word.find('\0')));
}

// `command` is the full name in lower case: "set", "config|get".
[[nodiscard]] inline std::string wrong_arity(std::string_view command) {
  return "ERR wrong number of arguments for '" + std::string(command) + "' command";
}

[[nodiscard]] inline std::string no_input_keys(std::string_view command) {
  return "ERR at least 1 input key is needed for '" + std::string(command) + "' command";
}

[[nodiscard]] inline std::string invalid_expire_time(std::string_view command) {
  return "ERR invalid expire time in '" + std::string(command) + "' command";
}

// `command` is the full name in lower case.
[[nodiscard]] inline std::string not_while_subscribed(std::string_view command) {
  return "ERR Can't execute '" + std::string(command) +
         "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
         "context";
}

[[nodiscard]] inline std::string hello_syntax(std::string_view option) {
  return "ERR Syntax error in HELLO option '" + quoted(option) + "'";
}

[[nodiscard]] inline std::string unsupported_option(std::string_view word) {
  return "ERR Unsupported option " + quoted(word);
}

[[nodiscard]] inline std::string not_between(int64_t low, int64_t high) {
  return "ERR value is out of range, value must between " + std::to_string(low) + " and " +
         std::to_string(high);
}

// The cluster. Redis's where it has them; what Redis Cluster has and we have not names ours.
inline constexpr std::string_view kNoCluster = "ERR This instance has cluster support disabled";
inline constexpr std::string_view kInvalidSlot = "ERR Invalid slot";
inline constexpr std::string_view kInvalidSlotOrCount = "ERR Invalid slot or number of keys";
inline constexpr std::string_view kNotLetIn =
    "ERR this node is in no cluster yet: CLUSTER JOIN host:port names a member to ask";
inline constexpr std::string_view kJoinWhom =
    "ERR this node is in no cluster yet: CLUSTER JOIN needs the host and cluster port of a member";
inline constexpr std::string_view kBadClusterPort = "ERR a port is a number from 1 to 65535";
inline constexpr std::string_view kLastNodeStays =
    "ERR the only node that stays can't leave: it holds all data";
inline constexpr std::string_view kNoManualFailover =
    "ERR slots change their primaries by themselves: CLUSTER FAILOVER [node] hands Raft's "
    "leadership over, without FORCE or TAKEOVER";
inline constexpr std::string_view kNoLeader = "ERR no leader is known: nobody can hand over";
inline constexpr std::string_view kLeadsAlready = "ERR this node leads already";
inline constexpr std::string_view kNoRing =
    "ERR this node runs alone or is not let in yet: there is no ring";
inline constexpr std::string_view kFaultNotAllowed =
    "ERR FAULT command not allowed: enable-fault-command says who may use it, local is clients of "
    "this machine";
inline constexpr std::string_view kNoLinks =
    "ERR this node runs alone: there are no links to disturb";

// `command` in upper case.
[[nodiscard]] inline std::string not_in_cluster(std::string_view command) {
  return "ERR " + std::string(command) + " is not allowed in cluster mode";
}

// A name, number or id that is no member's.
[[nodiscard]] inline std::string no_such_node(std::string_view word) {
  return "ERR no node '" + std::string(word.substr(0, 128)) +
         "': a node is named by its name, number or 40-digit id, see NODES FULL";
}

[[nodiscard]] inline std::string is_member_already(std::string_view cluster, unsigned number) {
  return "ERR this node is a member of cluster '" + std::string(cluster) + "' already, number " +
         std::to_string(number);
}

[[nodiscard]] inline std::string is_down(std::string_view node) {
  return "ERR node '" + std::string(node) + "' is down: use CLUSTER REMOVE if it won't come back";
}

[[nodiscard]] inline std::string is_not_down(std::string_view node) {
  return "ERR node '" + std::string(node) + "' is not down: use CLUSTER LEAVE";
}

[[nodiscard]] inline std::string is_not_down_yet(std::string_view node) {
  return "ERR node '" + std::string(node) +
         "' is not down by the map: the leader declares it so, and this node knows none";
}

[[nodiscard]] inline std::string leads_instead(std::string_view node, std::string_view address) {
  return "ERR this node does not lead: ask '" + std::string(node) + "' at " + std::string(address);
}

// `why`: of the map, of the control. The former surely did not happen, the latter may have.
[[nodiscard]] inline std::string change_refused(std::string_view why) {
  return "ERR " + std::string(why);
}

[[nodiscard]] inline std::string change_uncertain(std::string_view why) {
  return "UNCERTAIN the change may yet come about: " + std::string(why);
}

// A subcommand of Redis Cluster, and what stands in its place.
[[nodiscard]] inline std::string cluster_not_ours(std::string_view name, std::string_view instead) {
  return "ERR CLUSTER " + std::string(name) + " does not apply here: " + std::string(instead);
}

// A container's subcommand with arguments that don't fit; `container` in upper case.
[[nodiscard]] inline std::string bad_subcommand_call(std::string_view word,
                                                     std::string_view container) {
  return "ERR unknown subcommand or wrong number of arguments for '" + quoted(word.substr(0, 128)) +
         "'. Try " + std::string(container) + " HELP.";
}

[[nodiscard]] inline std::string unknown_client_type(std::string_view word) {
  return "ERR Unknown client type '" + quoted(word) + "'";
}

[[nodiscard]] inline std::string no_such_user(std::string_view name) {
  return "ERR No such user '" + quoted(name) + "'";
}

[[nodiscard]] inline std::string bad_client_attribute(std::string_view name) {
  return "ERR " + std::string(name) + " cannot contain spaces, newlines or special characters.";
}

[[nodiscard]] inline std::string unrecognized_option(std::string_view word) {
  return "ERR Unrecognized option '" + quoted(word) + "'";
}

[[nodiscard]] inline std::string no_latency_samples(std::string_view event) {
  return "ERR No samples available for event '" + quoted(event) + "'";
}

[[nodiscard]] inline std::string unknown_level(std::string_view word) {
  return "ERR unknown consistency level '" + std::string(word.substr(0, 128)) +
         "': use ANY, ONE, QUORUM, ALL or STRONG";
}

[[nodiscard]] inline std::string no_level_for(std::string_view command) {
  return "ERR CONSISTENCY runs one command on keys at a level, '" +
         std::string(command.substr(0, 128)) + "' is none";
}

}  // namespace quoris::command::errors
