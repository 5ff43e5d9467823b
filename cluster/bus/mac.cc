#include "cluster/bus/mac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"

namespace quoris::bus {

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::string mac(kMacBytes, '\0');
  unsigned size = 0;
  const unsigned char* done =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(),
           reinterpret_cast<unsigned char*>(mac.data()), &size);
  QUORIS_ASSERT(done != nullptr);
  QUORIS_ASSERT(size == kMacBytes);
  return mac;
}

bool equals_secretly(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace quoris::bus
