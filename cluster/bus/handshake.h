// Handshake: how two nodes find out that they belong together, on each link anew.
//
// Both name cluster, versions, link and themselves, and prove that they know the cluster's secret:
// an HMAC over their role and the whole of HELLO and CHALLENGE, each of which carries a fresh
// nonce. So the secret never travels, and a proof is worth nothing in another direction, on another
// link, between other nodes, for another version or at another time. Who began the connection
// proves first: a stranger who calls gets no proof to guess secrets against. Without a secret on
// both sides nothing is proven, which is fine where only trusted nodes reach the port. What is said
// once the link is open is not protected: whoever can change packets between nodes needs TLS
// against him.
//
// Pure: the nonce and the time come in. Input that is no message of the handshake, or comes at the
// wrong time, is malformed. Used by: Connection.
// Sources: ISO/IEC 9798-4 (mutual authentication, three passes), for what a proof has to bind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/bus/channel_messages.h"

namespace quoris::bus {

// Who we are. Changes when the node is let in (number, cluster_id); a handshake takes it as it is
// when it begins.
struct LocalNode {
  std::string cluster;
  std::string cluster_id;
  std::string secret;  // empty: none
  NodeFacts facts;     // wall_us is filled in by whoever begins a handshake
  ProtocolVersions versions = kProtocolVersions;
};

struct Notice {
  Refusal reason = Refusal::unspecified;
  std::string text{};
};

class Handshake {
 public:
  struct Call {
    LinkKind link = LinkKind::control;
    std::string expected_identity{};  // empty: whoever is there (a seed)
  };

  // What is to be done after a frame. In all but `answer` and `admit` the handshake is over.
  enum class Next : uint8_t {
    answer,     // frame() is to be sent
    admit,      // the peer is who it says: ask the owner, then accept() or refuse()
    refuse,     // frame() is to be sent, then it is over; notice() says why
    refused,    // by the peer; notice(), and is_proven() for who says so
    malformed,  // close without a word
  };

  // The side that began; frame() is its HELLO.
  static Handshake begin(const LocalNode& local, const Call& call, std::string nonce);
  // The side that was called.
  static Handshake await(const LocalNode& local, std::string nonce);

  // A frame of the peer, name first. Of an open link: only REFUSED, by which who began may still
  // end it.
  [[nodiscard]] Next on_frame(Words words);

  // After Next::admit. frame() is what to send then, if anything; the link is open, or refused.
  void accept();
  void refuse(const Notice& notice);

  [[nodiscard]] const std::string& frame() const { return frame_; }

  [[nodiscard]] const Notice& notice() const { return notice_; }

  // The refusal came from a node that knows the secret (where there is one).
  [[nodiscard]] bool is_proven() const { return proven_; }

  // Nothing has come yet from who called.
  [[nodiscard]] bool awaits_hello() const { return await_ == Await::hello; }

  // Known from HELLO or CHALLENGE on (no identity before), true from Next::admit on.
  [[nodiscard]] const NodeFacts& peer() const { return peer_; }

  [[nodiscard]] const std::string& peer_cluster_id() const { return peer_cluster_id_; }

  [[nodiscard]] LinkKind link() const { return link_; }

  // The version to speak, and how the peer's newest compares with ours.
  [[nodiscard]] uint16_t version() const { return version_; }

  [[nodiscard]] PeerVersion peer_version() const { return peer_version_; }

 private:
  enum class Await : uint8_t { hello, challenge, proof, welcome, decision, open, nothing };
  enum class Role : uint8_t { caller, called };

  Handshake(const LocalNode& local, Role role, std::string nonce);

  Next on_hello(Words words);
  Next on_challenge(Words words);
  Next on_proof(Words words);
  Next on_welcome(Words words);
  Next on_refused(Words words);

  // Fills in version_ and peer_version_; false: none in common (notice_), or no such message.
  [[nodiscard]] bool agree_on_version(Words words);
  template <class Greeting>
  [[nodiscard]] bool take_greeting(const Greeting& greeting);
  [[nodiscard]] bool is_other(const NodeFacts& facts) const;
  Next end_with(Refusal reason, std::string text, bool with_proof);
  Next malformed();
  [[nodiscard]] std::string proof_of(Role role, std::string_view what) const;
  [[nodiscard]] bool accepts_proof(std::string_view proof, std::string_view what) const;

  LocalNode local_;
  Role role_;
  Await await_;
  LinkKind link_ = LinkKind::control;
  std::string expected_identity_;
  std::string nonce_;
  std::string transcript_;  // HELLO and CHALLENGE as they were sent
  NodeFacts peer_;
  std::string peer_cluster_id_;
  uint16_t version_ = 0;
  PeerVersion peer_version_ = PeerVersion::same;
  std::string frame_;
  Notice notice_;
  bool proven_ = false;
};

}  // namespace quoris::bus
