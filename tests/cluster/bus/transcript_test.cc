// The bytes of every message as they stand on the wire, in data files whose changes are to be
// reviewed: transcripts/*.txt. QUORIS_UPDATE_TRANSCRIPTS=1 writes them anew.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/cluster/bus/bus_world.h"

namespace quoris::bus {

namespace {

using testing::address_of;
using testing::member_of;
using testing::World;

void compare(const std::string& name, const std::string& text) {
  const std::string path = std::string(QUORIS_BUS_TRANSCRIPTS) + "/" + name + ".txt";
  if (std::getenv("QUORIS_UPDATE_TRANSCRIPTS") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
  }
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  std::ostringstream expected;
  expected << file.rdbuf();
  CHECK(text == expected.str());
}

// Line ends as \r\n, other bytes that can't be printed as \xHH.
std::string shown(const std::string& frame) {
  std::string text = quote_for_display(frame);
  return text.substr(1, text.size() - 2);
}

class Transcript {
 public:
  explicit Transcript(World& world) {
    world.network.set_tap(
        [this](const std::string& from, const std::string& to, std::string& bytes) {
          for (const auto& words : testing::split_frames(bytes)) {
            text_ += fmt::format("{} > {}  {}\n", from, to, shown(testing::join_words(words)));
          }
        });
  }

  void say(const std::string& line) { text_ += "-- " + line + "\n"; }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace

TEST_CASE("transcript: the table of the channel's messages", "[bus]") {
  std::string text;
  for (const RowInfo& row : ChannelMessages::kRows) {
    text += fmt::format("{} {} fields {}\n", row.ordinal, row.name, row.fields);
  }
  compare("table", text);
}

TEST_CASE("transcript: links that begin, carry, and are kept alive", "[bus]") {
  World world;
  Transcript transcript(world);
  world.add(1);
  transcript.say("a newcomer calls node 1");
  LocalNode newcomer = world.local(2);
  newcomer.facts.number = NodeNumber{0};
  world.add(2, newcomer).bus.set_seeds({address_of(1)});
  world.run_ms(60);
  transcript.say("and talks to it");
  REQUIRE(world[2].channel.send(PeerId{1}, testing::Note{.number = 7, .text = "JOIN\r\n"}) ==
          SendResult::sent);
  world.settle();
  compare("link", transcript.text());
}

TEST_CASE("transcript: refusals", "[bus]") {
  const auto meet = [](Transcript& transcript, World& world, const std::string& what,
                       const LocalNode& caller) {
    transcript.say(what);
    world.add(2, caller).bus.set_seeds({address_of(1)});
    world.run_ms(5);
    world.kill(2);
  };
  World world;
  Transcript transcript(world);
  world.add(1);
  LocalNode caller = world.local(2);
  caller.cluster = "orchid";
  meet(transcript, world, "another cluster", caller);
  caller = world.local(2);
  caller.versions = {.min = 2, .max = 3};
  meet(transcript, world, "another version", caller);
  caller = world.local(2);
  caller.secret = "";
  meet(transcript, world, "no secret", caller);
  caller.secret = "guess";
  meet(transcript, world, "another secret", caller);
  world[1].verdict = [](const PeerFacts&) { return Notice{Refusal::clock, "7 s off"}; };
  meet(transcript, world, "the owner's refusal, proven", world.local(2));
  transcript.say("another identity at a member's address, proven by who called");
  LocalNode fresh = world.local(2);
  fresh.facts.identity = std::string(kIdentityDigits, 'f');
  world.add(2, fresh);
  world[1].bus.set_members({member_of(1), member_of(2)});
  world.run_ms(5);
  compare("refusals", transcript.text());
}

TEST_CASE("transcript: no secret anywhere", "[bus]") {
  World world;
  world.secret.clear();
  Transcript transcript(world);
  world.add(1);
  world.add(2).bus.set_seeds({address_of(1)});
  world.run_ms(5);
  compare("without_secret", transcript.text());
}

}  // namespace quoris::bus
