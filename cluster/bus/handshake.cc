#include "cluster/bus/handshake.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/planted.h"
#include "base/text.h"
#include "cluster/bus/mac.h"

namespace quoris::bus {

namespace {

std::string text_of(const ByteChain& chain) {
  std::vector<std::string_view> pieces;
  chain.pieces(pieces, SIZE_MAX);
  std::string text;
  for (const std::string_view piece : pieces) text += piece;
  return text;
}

template <HasFields T>
std::string frame_of(const T& message) {
  ByteChain chain;
  ChannelMessages::encode(message, chain);
  return text_of(chain);
}

// The bytes that a frame had on the wire: it has only one form.
std::string frame_of_words(Words words) {
  ByteChain chain;
  resp::ReplyWriter writer(chain, resp::Protocol::resp2);
  writer.array(words.size());
  for (const std::string_view word : words) writer.bulk(word);
  return text_of(chain);
}

// What a proof binds of HELLO: all of it, as it was sent.
std::string bound_part(const Hello& hello, std::string frame) {
  if (!QUORIS_PLANTED("bus: a proof does not bind the link")) return frame;
  Hello without_link = hello;
  without_link.link = LinkKind::control;
  return frame_of(without_link);
}

// Reasons of newer versions are known by their text only.
Refusal known_reason(uint8_t reason) {
  return kNamedValues<Refusal>[reason] ? static_cast<Refusal>(reason) : Refusal::unspecified;
}

bool is_identity(std::string_view text) {
  return text.size() == kIdentityDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_well_formed(const NodeFacts& facts) {
  return is_identity(facts.identity) && raw(facts.number) <= kNodeNumberMax &&
         facts.name.size() <= kNameMax && facts.client_address.host.size() <= kNameMax &&
         facts.cluster_address.host.size() <= kNameMax;
}

// What a stranger said, fit for a line of the log.
std::string shown(std::string_view text) { return quote_for_display(text.substr(0, kNameMax)); }

}  // namespace

std::string_view name_of(Refusal refusal) {
  constexpr std::array<std::string_view, 12> kNames{
      "unspecified", "another cluster", "another version", "the secret",
      "identity",    "itself",          "malformed",       "the clock",
      "the node id", "removed",         "another's data",  "not ready"};
  return kNames.at(static_cast<size_t>(refusal));
}

Handshake::Handshake(const LocalNode& local, Role role, std::string nonce)
    : local_(local),
      role_(role),
      await_(role == Role::caller ? Await::challenge : Await::hello),
      nonce_(std::move(nonce)) {
  QUORIS_ASSERT(nonce_.size() == kNonceBytes);
  QUORIS_ASSERT(is_well_formed(local_.facts));
}

Handshake Handshake::begin(const LocalNode& local, const Call& call, std::string nonce) {
  Handshake self(local, Role::caller, std::move(nonce));
  self.link_ = call.link;
  self.expected_identity_ = call.expected_identity;
  Hello hello;
  hello.version_min = local.versions.min;
  hello.version_max = local.versions.max;
  hello.cluster = local.cluster;
  hello.cluster_id = local.cluster_id;
  hello.link = call.link;
  hello.has_secret = !local.secret.empty();
  hello.nonce = self.nonce_;
  hello.node = local.facts;
  self.frame_ = frame_of(hello);
  self.transcript_ = bound_part(hello, self.frame_);
  return self;
}

Handshake Handshake::await(const LocalNode& local, std::string nonce) {
  return {local, Role::called, std::move(nonce)};
}

Handshake::Next Handshake::on_frame(Words words) {
  frame_.clear();
  if (words.empty() || await_ == Await::nothing) return malformed();
  const std::string_view name = words.front();
  if (name == "REFUSED" && await_ != Await::hello && await_ != Await::decision) {
    return on_refused(words);
  }
  if (name == "HELLO" && await_ == Await::hello) return on_hello(words);
  if (name == "CHALLENGE" && await_ == Await::challenge) return on_challenge(words);
  if (name == "PROOF" && await_ == Await::proof) return on_proof(words);
  if (name == "WELCOME" && await_ == Await::welcome) return on_welcome(words);
  return malformed();
}

// --- HELLO, CHALLENGE -----------------------------------------------------------------------

// Reads only what every version has in the same place, so that it works with all of them.
bool Handshake::agree_on_version(Words words) {
  notice_ = {};
  WordReader reader(words.subspan(1));
  std::string mark;
  ProtocolVersions theirs;
  if (!reader.take(mark) || mark != kHelloMark) return false;
  if (!reader.take(theirs.min) || !reader.take(theirs.max) || theirs.min > theirs.max) return false;
  version_ = std::min(theirs.max, local_.versions.max);
  if (version_ < std::max(theirs.min, local_.versions.min)) {
    notice_ = {Refusal::other_version,
               fmt::format("protocol versions {} to {} here, {} to {} there", local_.versions.min,
                           local_.versions.max, theirs.min, theirs.max)};
    return false;
  }
  if (theirs.max > local_.versions.max) peer_version_ = PeerVersion::newer;
  if (theirs.max < local_.versions.max) peer_version_ = PeerVersion::older;
  return true;
}

// False: no good (notice_), or malformed.
template <class Greeting>
bool Handshake::take_greeting(const Greeting& greeting) {
  notice_ = {};
  if (greeting.nonce.size() != kNonceBytes || greeting.cluster.size() > kNameMax ||
      greeting.cluster_id.size() > kNameMax || !is_well_formed(greeting.node)) {
    return false;
  }
  peer_ = greeting.node;
  peer_cluster_id_ = greeting.cluster_id;
  if (greeting.cluster != local_.cluster) {
    notice_ = {Refusal::other_cluster, fmt::format("this is cluster {}, not {}",
                                                   shown(local_.cluster), shown(greeting.cluster))};
    return false;
  }
  if (greeting.node.identity == local_.facts.identity) {
    notice_ = {Refusal::itself, "the address leads back to the caller"};
    return false;
  }
  return true;
}

Handshake::Next Handshake::on_hello(Words words) {
  if (!agree_on_version(words)) {
    return notice_.text.empty() ? malformed() : end_with(notice_.reason, notice_.text, false);
  }
  const auto hello = decode_message<Hello>(words, peer_version_);
  if (!hello) return malformed();
  link_ = hello->link;
  if (!take_greeting(*hello)) {
    return notice_.text.empty() ? malformed() : end_with(notice_.reason, notice_.text, false);
  }
  if (hello->has_secret != !local_.secret.empty()) {
    return end_with(
        Refusal::secret,
        hello->has_secret ? "no cluster secret is set here" : "this cluster asks for a secret",
        false);
  }
  Challenge challenge;
  challenge.version_min = local_.versions.min;
  challenge.version_max = local_.versions.max;
  challenge.cluster = local_.cluster;
  challenge.cluster_id = local_.cluster_id;
  challenge.nonce = nonce_;
  challenge.node = local_.facts;
  frame_ = frame_of(challenge);
  transcript_ = bound_part(*hello, frame_of_words(words)) + frame_;
  await_ = Await::proof;
  return Next::answer;
}

Handshake::Next Handshake::on_challenge(Words words) {
  transcript_ += frame_of_words(words);
  if (!agree_on_version(words)) {
    return notice_.text.empty() ? malformed() : end_with(notice_.reason, notice_.text, true);
  }
  const auto challenge = decode_message<Challenge>(words, peer_version_);
  if (!challenge) return malformed();
  if (!take_greeting(*challenge)) {
    return notice_.text.empty() ? malformed() : end_with(notice_.reason, notice_.text, true);
  }
  if (!expected_identity_.empty() && expected_identity_ != peer_.identity) {
    return end_with(Refusal::other_identity,
                    fmt::format("this address belongs to node {}, who answers is {}",
                                expected_identity_, peer_.identity),
                    true);
  }
  Proof proof;
  proof.proof = proof_of(Role::caller, "proof");
  frame_ = frame_of(proof);
  await_ = Await::welcome;
  return Next::answer;
}

// --- PROOF, WELCOME, REFUSED ----------------------------------------------------------------

std::string Handshake::proof_of(Role role, std::string_view what) const {
  if (local_.secret.empty()) return {};
  const std::string_view who = role == Role::caller ? "caller" : "called";
  return hmac_sha256(local_.secret, fmt::format("quoris {} {}\n{}", who, what, transcript_));
}

bool Handshake::accepts_proof(std::string_view proof, std::string_view what) const {
  if (QUORIS_PLANTED("bus: a proof is not compared")) return true;
  const Role other = role_ == Role::caller ? Role::called : Role::caller;
  return equals_secretly(proof, proof_of(other, what));
}

Handshake::Next Handshake::on_proof(Words words) {
  const auto proof = decode_message<Proof>(words, peer_version_);
  if (!proof) return malformed();
  if (!accepts_proof(proof->proof, "proof")) {
    return end_with(Refusal::secret, "the cluster secrets differ", false);
  }
  proven_ = true;
  await_ = Await::decision;
  return Next::admit;
}

Handshake::Next Handshake::on_welcome(Words words) {
  const auto welcome = decode_message<Welcome>(words, peer_version_);
  if (!welcome) return malformed();
  if (!accepts_proof(welcome->proof, "welcome")) {
    return end_with(Refusal::secret, "the cluster secrets differ", false);
  }
  proven_ = true;
  await_ = Await::decision;
  return Next::admit;
}

void Handshake::accept() {
  QUORIS_ASSERT(await_ == Await::decision);
  await_ = Await::open;
  frame_.clear();
  if (role_ == Role::caller) return;
  Welcome welcome;
  welcome.proof = proof_of(Role::called, "welcome");
  frame_ = frame_of(welcome);
}

void Handshake::refuse(const Notice& notice) {
  QUORIS_ASSERT(await_ == Await::decision);
  end_with(notice.reason, notice.text, true);
}

Handshake::Next Handshake::end_with(Refusal reason, std::string text, bool with_proof) {
  text.resize(std::min(text.size(), kRefusalTextMax));
  Refused refused;
  refused.reason = raw(reason);
  refused.text = text;
  if (with_proof) {
    refused.proof = proof_of(role_, fmt::format("refused {} {}", raw(reason), text));
  }
  frame_ = frame_of(refused);
  notice_ = {reason, std::move(text)};
  await_ = Await::nothing;
  return Next::refuse;
}

Handshake::Next Handshake::on_refused(Words words) {
  const auto refused = decode_message<Refused>(words, PeerVersion::newer);
  if (!refused || refused->text.size() > kRefusalTextMax) return malformed();
  const std::string what = fmt::format("refused {} {}", refused->reason, refused->text);
  // Before the CHALLENGE there is nothing that a proof could be about.
  const bool may_be_proven = await_ != Await::challenge;
  proven_ = may_be_proven && accepts_proof(refused->proof, what);
  notice_ = {known_reason(refused->reason), refused->text};
  await_ = Await::nothing;
  return Next::refused;
}

Handshake::Next Handshake::malformed() {
  notice_ = {Refusal::malformed, "no message of the handshake"};
  await_ = Await::nothing;
  return Next::malformed;
}

}  // namespace quoris::bus
