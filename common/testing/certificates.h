// TLS certificates for tests: an authority of its own and a server certificate for localhost.
#pragma once

#include <filesystem>

namespace foundry::testing {

// Writes ca.pem, server.pem and server.key into `folder`; valid for an hour, for the names
// localhost and 127.0.0.1. Aborts the test program when OpenSSL fails.
void WriteCertificates(const std::filesystem::path& folder);

}  // namespace foundry::testing
