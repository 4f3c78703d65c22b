#include "common/testing/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

namespace foundry::testing {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

void Check(bool good, const char* what) {
  if (good) return;
  fprintf(stderr, "OpenSSL cannot %s\n", what);
  abort();
}

Key NewKey() {
  Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  Check(key != nullptr, "make a key");
  return key;
}

void Extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  Check(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, value);
  X509_EXTENSION_free(extension);
}

// Signed by `issuer_key`; without an issuer it signs itself and is an authority.
Certificate NewCertificate(const char* name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                           long serial) {
  Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  X509_NAME* subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(made.get(), issuer == nullptr ? subject : X509_get_subject_name(issuer));
  X509* by = issuer == nullptr ? made.get() : issuer;
  Extend(made.get(), by, NID_basic_constraints,
         issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (issuer != nullptr) Extend(made.get(), by, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  Check(X509_sign(made.get(), issuer_key, EVP_sha256()) > 0, "sign a certificate");
  return made;
}

template <typename Writer>
void WritePem(const std::filesystem::path& path, Writer&& writer) {
  FILE* file = fopen(path.c_str(), "w");
  Check(file != nullptr && writer(file) == 1, "write a PEM file");
  fclose(file);
}

}  // namespace

void WriteCertificates(const std::filesystem::path& folder) {
  const Key ca_key = NewKey();
  const Certificate ca = NewCertificate("test authority", ca_key.get(), nullptr, ca_key.get(), 1);
  const Key key = NewKey();
  const Certificate server = NewCertificate("localhost", key.get(), ca.get(), ca_key.get(), 2);
  WritePem(folder / "ca.pem", [&](FILE* f) { return PEM_write_X509(f, ca.get()); });
  WritePem(folder / "server.pem", [&](FILE* f) { return PEM_write_X509(f, server.get()); });
  WritePem(folder / "server.key", [&](FILE* f) {
    return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace foundry::testing
