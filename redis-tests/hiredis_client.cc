// A program that uses the server as C programs do, through hiredis: plain commands, binary values,
// a pipeline, a transaction, errors, and a large value. Run by test_clients_hiredis.py.
//
// hiredis_client <port>: prints a line per broken expectation; exit status 0 if there was none.
#include <hiredis.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

using Context = std::unique_ptr<redisContext, FreeContext>;
using Reply = std::unique_ptr<redisReply, FreeReply>;

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("not so: %s\n", what);
  ++failures;
}

bool is_text(const Reply& reply, int type, std::string_view text) {
  return reply && reply->type == type && std::string_view(reply->str, reply->len) == text;
}

bool is_integer(const Reply& reply, long long value) {
  return reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == value;
}

template <class... Args>
Reply ask(const Context& context, const char* format, Args... args) {
  return Reply(static_cast<redisReply*>(redisCommand(context.get(), format, args...)));
}

Reply next_reply(const Context& context) {
  void* reply = nullptr;
  if (redisGetReply(context.get(), &reply) != REDIS_OK) return nullptr;
  return Reply(static_cast<redisReply*>(reply));
}

void plain_commands(const Context& context) {
  expect(is_text(ask(context, "PING"), REDIS_REPLY_STATUS, "PONG"), "PING answers PONG");
  expect(is_text(ask(context, "SET hiredis:a %s", "1"), REDIS_REPLY_STATUS, "OK"), "SET is OK");
  expect(is_integer(ask(context, "INCR hiredis:a"), 2), "INCR answers 2");
  expect(is_text(ask(context, "GET hiredis:a"), REDIS_REPLY_STRING, "2"), "GET answers 2");
  const Reply absent = ask(context, "GET hiredis:absent");
  expect(absent && absent->type == REDIS_REPLY_NIL, "GET of an absent key is nil");
  const Reply error = ask(context, "NOSUCHCOMMAND");
  expect(error && error->type == REDIS_REPLY_ERROR, "an unknown command is an error");
  expect(context->err == 0, "an error reply leaves the connection usable");
}

void binary_values(const Context& context) {
  const std::string value("a\0b\r\nc\xff", 7);
  ask(context, "SET hiredis:bin %b", value.data(), value.size());
  expect(is_text(ask(context, "GET hiredis:bin"), REDIS_REPLY_STRING, value), "bytes come back");
  const std::string large(8U << 20U, 'x');
  ask(context, "SET hiredis:large %b", large.data(), large.size());
  expect(is_text(ask(context, "GET hiredis:large"), REDIS_REPLY_STRING, large), "8 MiB come back");
}

void pipeline(const Context& context) {
  constexpr int kDepth = 10000;
  ask(context, "DEL hiredis:counter");
  for (int i = 0; i < kDepth; ++i) redisAppendCommand(context.get(), "INCR hiredis:counter");
  bool in_order = true;
  for (int i = 0; i < kDepth; ++i) in_order = is_integer(next_reply(context), i + 1) && in_order;
  expect(in_order, "10,000 pipelined INCR are answered in order");
}

void transaction(const Context& context) {
  expect(is_text(ask(context, "MULTI"), REDIS_REPLY_STATUS, "OK"), "MULTI is OK");
  expect(is_text(ask(context, "SET hiredis:t 5"), REDIS_REPLY_STATUS, "QUEUED"), "SET is queued");
  expect(is_text(ask(context, "INCR hiredis:t"), REDIS_REPLY_STATUS, "QUEUED"), "INCR is queued");
  const Reply reply = ask(context, "EXEC");
  const bool two = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
  expect(two, "EXEC answers two replies");
  if (two) {
    const redisReply* second = reply->element[1];
    expect(second->type == REDIS_REPLY_INTEGER && second->integer == 6, "the second one is 6");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::printf("usage: hiredis_client <port>\n");
    return 2;
  }
  const timeval timeout = {.tv_sec = 10, .tv_usec = 0};
  const Context context(redisConnectWithTimeout("127.0.0.1", std::atoi(argv[1]), timeout));
  if (!context || context->err != 0) {
    std::printf("cannot connect: %s\n", context ? context->errstr : "out of memory");
    return 1;
  }
  redisSetTimeout(context.get(), timeout);
  plain_commands(context);
  binary_values(context);
  pipeline(context);
  transaction(context);
  return failures == 0 ? 0 : 1;
}
