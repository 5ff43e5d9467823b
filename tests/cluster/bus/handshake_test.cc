#include "cluster/bus/handshake.h"

#include <catch2/catch.hpp>

#include "cluster/bus/mac.h"
#include "tests/cluster/bus/bus_world.h"

namespace quoris::bus {

namespace {

using testing::OwnedWords;
using testing::Planted;
using testing::views;
using testing::words_of;
using Next = Handshake::Next;

LocalNode node(char digit, const std::string& secret = "sesame") {
  LocalNode local;
  local.cluster = "orchard";
  local.cluster_id = "id of the orchard";
  local.secret = secret;
  local.facts.identity = std::string(kIdentityDigits, digit);
  local.facts.number = NodeNumber{static_cast<uint16_t>(digit - '0')};
  local.facts.boot = BootNumber{4};
  local.facts.name = std::string("node") + digit;
  local.facts.wall_us = 1'000'000;
  local.facts.client_address = {.host = "10.0.0.1", .port = 7001};
  local.facts.cluster_address = {.host = "10.0.0.1", .port = 8001};
  return local;
}

std::string nonce(char fill) { return std::string(kNonceBytes, fill); }

Next feed(Handshake& to, const OwnedWords& words) {
  const auto seen = views(words);
  return to.on_frame(seen);
}

Next feed(Handshake& to, const std::string& frame) { return feed(to, words_of(frame)); }

struct Pair {
  explicit Pair(const LocalNode& from = node('1'), const LocalNode& to = node('2'),
                LinkKind link = LinkKind::control, const std::string& expected = "")
      : caller(Handshake::begin(from, {.link = link, .expected_identity = expected}, nonce('a'))),
        called(Handshake::await(to, nonce('b'))) {}

  // Up to where the caller is to prove itself.
  void greet() {
    REQUIRE(feed(called, caller.frame()) == Next::answer);
    REQUIRE(feed(caller, called.frame()) == Next::answer);
  }

  // All of it; false where somebody doesn't go along.
  [[nodiscard]] bool run() {
    if (feed(called, caller.frame()) != Next::answer) return false;
    if (feed(caller, called.frame()) != Next::answer) return false;
    if (feed(called, caller.frame()) != Next::admit) return false;
    called.accept();
    if (feed(caller, called.frame()) != Next::admit) return false;
    caller.accept();
    return caller.frame().empty();
  }

  Handshake caller;
  Handshake called;
};

// Where `link` stands among HELLO's words.
constexpr size_t kLinkWord = 6;

// Somebody between the two turns a control link into a bulk one; true if both fall for it.
bool link_can_be_changed() {
  Pair pair;
  OwnedWords hello = words_of(pair.caller.frame());
  REQUIRE(hello[kLinkWord] == "0");
  hello[kLinkWord] = "2";
  REQUIRE(feed(pair.called, hello) == Next::answer);
  REQUIRE(feed(pair.caller, pair.called.frame()) == Next::answer);
  return feed(pair.called, pair.caller.frame()) == Next::admit &&
         pair.called.link() == LinkKind::bulk;
}

bool wrong_secret_gets_in() {
  Pair pair(node('1', "sesame"), node('2', "sesam"));
  pair.greet();
  return feed(pair.called, pair.caller.frame()) == Next::admit;
}

}  // namespace

TEST_CASE("handshake: two nodes of a cluster get to know each other", "[bus]") {
  for (const std::string& secret : {std::string("sesame"), std::string()}) {
    for (const LinkKind link : kLinkKinds) {
      Pair pair(node('1', secret), node('2', secret), link, std::string(kIdentityDigits, '2'));
      REQUIRE(pair.run());
      CHECK(pair.called.peer() == node('1').facts);
      CHECK(pair.caller.peer() == node('2').facts);
      CHECK(pair.called.link() == link);
      CHECK(pair.caller.peer_cluster_id() == "id of the orchard");
      CHECK(pair.caller.version() == 1);
    }
  }
}

TEST_CASE("handshake: the secret and what is made from it alone never travel", "[bus]") {
  Pair pair(node('1', "sesame"), node('2', "sesame"));
  std::string wire = pair.caller.frame();
  pair.greet();
  wire += pair.called.frame() + pair.caller.frame();
  REQUIRE(feed(pair.called, pair.caller.frame()) == Next::admit);
  pair.called.accept();
  wire += pair.called.frame();
  CHECK(wire.find("sesame") == std::string::npos);
  CHECK(wire.find(hmac_sha256("sesame", "")) == std::string::npos);
}

TEST_CASE("handshake: who has another secret is refused, on both sides", "[bus]") {
  CHECK_FALSE(wrong_secret_gets_in());
  Pair pair(node('1', "sesame"), node('2', "sesam"));
  pair.greet();
  CHECK(feed(pair.called, pair.caller.frame()) == Next::refuse);
  CHECK(pair.called.notice().reason == Refusal::secret);
  CHECK(feed(pair.caller, pair.called.frame()) == Next::refused);
  CHECK(pair.caller.notice().reason == Refusal::secret);
  CHECK(pair.caller.notice().text == "the cluster secrets differ");
  CHECK_FALSE(pair.caller.is_proven());
}

TEST_CASE("handshake: who was called has to know the secret, too", "[bus]") {
  // An impostor answers; it takes any proof and makes one up.
  Pair pair(node('1', "sesame"), node('2', "guess"));
  pair.greet();
  Welcome welcome;
  for (const std::string& made_up :
       {std::string(), std::string(kMacBytes, '\0'), words_of(pair.caller.frame())[1]}) {
    Handshake caller = pair.caller;
    welcome.proof = made_up;
    CHECK(feed(caller, testing::frame_of<ChannelMessages>(welcome)) == Next::refuse);
    CHECK(caller.notice().reason == Refusal::secret);
  }
}

TEST_CASE("handshake: both have a secret or neither", "[bus]") {
  Pair without(node('1', ""), node('2', "sesame"));
  CHECK(feed(without.called, without.caller.frame()) == Next::refuse);
  CHECK(feed(without.caller, without.called.frame()) == Next::refused);
  CHECK(without.caller.notice().text == "this cluster asks for a secret");
  Pair with(node('1', "sesame"), node('2', ""));
  CHECK(feed(with.called, with.caller.frame()) == Next::refuse);
  CHECK(feed(with.caller, with.called.frame()) == Next::refused);
  CHECK(with.caller.notice().text == "no cluster secret is set here");
  CHECK(with.caller.notice().reason == Refusal::secret);
}

TEST_CASE("handshake: nodes of another cluster are told so", "[bus]") {
  LocalNode other = node('2');
  other.cluster = "or\"chid\r\n";
  Pair pair(node('1'), other);
  CHECK(feed(pair.called, pair.caller.frame()) == Next::refuse);
  CHECK(feed(pair.caller, pair.called.frame()) == Next::refused);
  CHECK(pair.caller.notice().reason == Refusal::other_cluster);
  CHECK(pair.caller.notice().text == R"(this is cluster "or\"chid\r\n", not "orchard")");
}

TEST_CASE("handshake: versions that overlap speak the newest they share", "[bus]") {
  LocalNode old_node = node('1');
  LocalNode new_node = node('2');
  old_node.versions = {.min = 1, .max = 3};
  new_node.versions = {.min = 2, .max = 5};
  Pair pair(old_node, new_node);
  REQUIRE(pair.run());
  CHECK(pair.caller.version() == 3);
  CHECK(pair.called.version() == 3);
  CHECK(pair.caller.peer_version() == PeerVersion::newer);
  CHECK(pair.called.peer_version() == PeerVersion::older);
}

TEST_CASE("handshake: versions without overlap are refused, whatever else they say", "[bus]") {
  LocalNode old_node = node('1');
  LocalNode new_node = node('2');
  old_node.versions = {.min = 1, .max = 2};
  new_node.versions = {.min = 3, .max = 5};
  for (const bool newer_calls : {false, true}) {
    Pair pair(newer_calls ? new_node : old_node, newer_calls ? old_node : new_node);
    OwnedWords hello = words_of(pair.caller.frame());
    hello.resize(5);
    hello.push_back("of another layout");
    CHECK(feed(pair.called, hello) == Next::refuse);
    CHECK(feed(pair.caller, pair.called.frame()) == Next::refused);
    CHECK(pair.caller.notice().reason == Refusal::other_version);
  }
}

TEST_CASE("handshake: a newer node's longer greeting is understood and proven", "[bus]") {
  LocalNode newer = node('1');
  newer.versions = {.min = 1, .max = 2};
  Pair pair(newer, node('2'));
  // As a version would send it that has a field more: the proof is about what was sent.
  OwnedWords hello = words_of(pair.caller.frame());
  hello.push_back("new in version 2");
  REQUIRE(feed(pair.called, hello) == Next::answer);
  const std::string challenge = pair.called.frame();
  Proof proof;
  proof.proof =
      hmac_sha256("sesame", "quoris caller proof\n" + testing::join_words(hello) + challenge);
  CHECK(feed(pair.called, testing::frame_of<ChannelMessages>(proof)) == Next::admit);
}

TEST_CASE("handshake: an address that leads back to the caller is found out", "[bus]") {
  Pair pair(node('1'), node('1'));
  CHECK(feed(pair.called, pair.caller.frame()) == Next::refuse);
  CHECK(feed(pair.caller, pair.called.frame()) == Next::refused);
  CHECK(pair.caller.notice().reason == Refusal::itself);
}

TEST_CASE("handshake: who answers at another's address is told whose it is, with proof", "[bus]") {
  // A founder that lost its disk and starts afresh is called by those who knew it.
  Pair pair(node('1'), node('2'), LinkKind::control, std::string(kIdentityDigits, '7'));
  REQUIRE(feed(pair.called, pair.caller.frame()) == Next::answer);
  CHECK(feed(pair.caller, pair.called.frame()) == Next::refuse);
  CHECK(pair.caller.notice().reason == Refusal::other_identity);
  CHECK(feed(pair.called, pair.caller.frame()) == Next::refused);
  CHECK(pair.called.notice().reason == Refusal::other_identity);
  CHECK(pair.called.notice().text.find(std::string(kIdentityDigits, '7')) != std::string::npos);
  CHECK(pair.called.is_proven());
  CHECK(pair.called.peer() == node('1').facts);
}

TEST_CASE("handshake: a refusal by somebody without the secret is not proven", "[bus]") {
  Pair pair;
  REQUIRE(feed(pair.called, pair.caller.frame()) == Next::answer);
  Refused refused;
  refused.reason = raw(Refusal::other_identity);
  refused.text = "go away";
  refused.proof = std::string(kMacBytes, 'x');
  CHECK(feed(pair.called, testing::frame_of<ChannelMessages>(refused)) == Next::refused);
  CHECK_FALSE(pair.called.is_proven());
}

TEST_CASE(
    "handshake: the owner's refusal reaches the other side with proof, before and after it "
    "thought the link open",
    "[bus]") {
  Pair pair;
  pair.greet();
  REQUIRE(feed(pair.called, pair.caller.frame()) == Next::admit);
  Pair late = pair;
  pair.called.refuse({Refusal::clock, "7 s off"});
  CHECK(feed(pair.caller, pair.called.frame()) == Next::refused);
  CHECK(pair.caller.notice().reason == Refusal::clock);
  CHECK(pair.caller.is_proven());

  late.called.accept();
  REQUIRE(feed(late.caller, late.called.frame()) == Next::admit);
  late.caller.refuse({Refusal::removed, "gone for good"});
  CHECK(feed(late.called, late.caller.frame()) == Next::refused);
  CHECK(late.called.notice().text == "gone for good");
  CHECK(late.called.is_proven());
}

TEST_CASE("handshake: what was recorded can't be replayed", "[bus]") {
  Pair recorded;
  const std::string hello = recorded.caller.frame();
  recorded.greet();
  const std::string proof = recorded.caller.frame();
  Handshake fresh = Handshake::await(node('2'), nonce('c'));
  REQUIRE(feed(fresh, hello) == Next::answer);
  CHECK(feed(fresh, proof) == Next::refuse);

  REQUIRE(feed(recorded.called, proof) == Next::admit);
  recorded.called.accept();
  const std::string welcome = recorded.called.frame();
  Handshake caller = Handshake::begin(node('1'), {}, nonce('d'));
  Handshake called = Handshake::await(node('2'), nonce('b'));
  REQUIRE(feed(called, caller.frame()) == Next::answer);
  REQUIRE(feed(caller, called.frame()) == Next::answer);
  CHECK(feed(caller, welcome) == Next::refuse);
}

TEST_CASE("handshake: a node's own messages, reflected, prove nothing", "[bus]") {
  // Mallory is called by node 1, and has node 1 answer its own challenge on a second connection.
  Handshake victim_calls = Handshake::begin(node('1'), {}, nonce('a'));
  Handshake victim_called = Handshake::await(node('1'), nonce('b'));
  CHECK(feed(victim_called, victim_calls.frame()) == Next::refuse);

  // With an identity of its own Mallory gets a challenge, and has node 1 prove against it.
  OwnedWords hello = words_of(victim_calls.frame());
  const std::string mallory(kIdentityDigits, 'f');
  for (std::string& word : hello) {
    if (word == node('1').facts.identity) word = mallory;
  }
  Handshake second = Handshake::await(node('1'), nonce('b'));
  REQUIRE(feed(second, hello) == Next::answer);
  OwnedWords challenge = words_of(second.frame());
  for (std::string& word : challenge) {
    if (word == node('1').facts.identity) word = mallory;
  }
  REQUIRE(feed(victim_calls, challenge) == Next::answer);
  CHECK(feed(second, victim_calls.frame()) == Next::refuse);
  // And a proof is no welcome.
  OwnedWords as_welcome = words_of(victim_calls.frame());
  as_welcome[0] = "WELCOME";
  CHECK(feed(victim_calls, as_welcome) == Next::refuse);
}

TEST_CASE("handshake: no word of HELLO and CHALLENGE can be changed on the way", "[bus]") {
  const size_t hello_words = words_of(Pair().caller.frame()).size();
  const size_t challenge_words = hello_words - 2;
  for (size_t word = 1; word < hello_words + challenge_words; ++word) {
    Pair pair;
    OwnedWords hello = words_of(pair.caller.frame());
    const bool in_hello = word < hello_words;
    const auto change = [](std::string& text) {
      if (text.empty()) {
        text = "x";
      } else {
        text.back() = text.back() == '1' ? '2' : '1';
      }
    };
    if (in_hello) change(hello[word]);
    if (feed(pair.called, hello) != Next::answer) continue;
    OwnedWords challenge = words_of(pair.called.frame());
    REQUIRE(challenge.size() == challenge_words);
    if (!in_hello && word > hello_words) change(challenge[word - hello_words]);
    if (!in_hello && word == hello_words) continue;
    if (feed(pair.caller, challenge) != Next::answer) continue;
    INFO(word);
    CHECK(feed(pair.called, pair.caller.frame()) == Next::refuse);
  }
}

TEST_CASE("handshake: the link can't be changed on the way", "[bus]") {
  CHECK_FALSE(link_can_be_changed());
}

TEST_CASE("handshake: messages out of turn are malformed", "[bus]") {
  Pair whole;
  const std::string hello = whole.caller.frame();
  whole.greet();
  const std::string challenge = whole.called.frame();
  const std::string proof = whole.caller.frame();
  REQUIRE(feed(whole.called, proof) == Next::admit);
  whole.called.accept();
  const std::string welcome = whole.called.frame();
  const std::string refused = testing::frame_of<ChannelMessages>(Refused{});
  const std::string beat = testing::frame_of<ChannelMessages>(Heartbeat{});

  for (const auto& frame : {challenge, proof, welcome, refused, beat}) {
    Handshake called = Handshake::await(node('2'), nonce('b'));
    CHECK(feed(called, frame) == Next::malformed);
    CHECK(feed(called, hello) == Next::malformed);
  }
  for (const auto& frame : {hello, proof, welcome, beat}) {
    Handshake caller = Handshake::begin(node('1'), {}, nonce('a'));
    CHECK(feed(caller, frame) == Next::malformed);
    CHECK(feed(caller, challenge) == Next::malformed);
  }
  for (const auto& frame : {hello, challenge, welcome, beat}) {
    Pair pair;
    pair.greet();
    CHECK(feed(pair.called, frame) == Next::malformed);
  }
  for (const auto& frame : {hello, challenge, proof, beat}) {
    Pair pair;
    pair.greet();
    CHECK(feed(pair.caller, frame) == Next::malformed);
  }
}

TEST_CASE("handshake: greetings with nonsense in them are malformed", "[bus]") {
  const OwnedWords hello = words_of(Pair().caller.frame());
  const auto answer = [&](size_t index, const std::string& word) {
    OwnedWords words = hello;
    words.at(index) = word;
    Handshake called = Handshake::await(node('2'), nonce('b'));
    return feed(called, words);
  };
  CHECK(answer(1, "redis") == Next::malformed);
  CHECK(answer(2, "x") == Next::malformed);
  CHECK(answer(2, "2") == Next::malformed);  // min above max
  CHECK(answer(5, std::string(kNameMax + 1, 'x')) == Next::malformed);
  CHECK(answer(kLinkWord, "3") == Next::malformed);
  CHECK(answer(8, nonce('a') + "a") == Next::malformed);
  CHECK(answer(8, "") == Next::malformed);
  CHECK(answer(9, std::string(kIdentityDigits, 'g')) == Next::malformed);
  CHECK(answer(9, std::string(kIdentityDigits, 'A')) == Next::malformed);
  CHECK(answer(9, "123") == Next::malformed);
  CHECK(answer(10, "1024") == Next::malformed);
  CHECK(answer(12, std::string(kNameMax + 1, 'x')) == Next::malformed);
  for (size_t size = 1; size < hello.size(); ++size) {
    Handshake called = Handshake::await(node('2'), nonce('b'));
    CHECK(feed(called, OwnedWords(hello.begin(), hello.begin() + static_cast<ptrdiff_t>(size))) ==
          Next::malformed);
  }
}

TEST_CASE("handshake: random frames lead to no open link", "[bus]") {
  sim::SimRng rng(3);
  const std::vector<std::string> names{"HELLO", "CHALLENGE", "PROOF", "WELCOME", "REFUSED"};
  for (int i = 0; i < 20'000; ++i) {
    Pair pair;
    if (rng.below(2) == 0) pair.greet();
    Handshake& victim = rng.below(2) == 0 ? pair.caller : pair.called;
    OwnedWords words = words_of(i % 3 == 0   ? pair.caller.frame()
                                : i % 3 == 1 ? Pair().caller.frame()
                                             : testing::frame_of<ChannelMessages>(Proof{}));
    words[0] = names[rng.below(names.size())];
    words[rng.below(words.size())] = std::to_string(rng.below(100));
    CHECK(feed(victim, words) != Next::admit);
  }
}

TEST_CASE("handshake: planted bug: a proof that is not compared is seen by the test of secrets",
          "[bus][planted]") {
  const Planted bug("bus: a proof is not compared");
  CHECK(wrong_secret_gets_in());
}

TEST_CASE(
    "handshake: planted bug: a proof that doesn't bind the link is seen by the test of the "
    "link",
    "[bus][planted]") {
  const Planted bug("bus: a proof does not bind the link");
  Pair pair;
  CHECK(pair.run());
  CHECK(link_can_be_changed());
}

}  // namespace quoris::bus
