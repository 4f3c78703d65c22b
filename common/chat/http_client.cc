#include "common/chat/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>

#include "absl/strings/str_cat.h"

namespace foundry::chat {
namespace {

struct Reader {
  const HttpCall* call;
  std::string body;
  bool too_long = false;
};

size_t OnBody(char* data, size_t size, size_t count, void* arg) {
  auto* reader = static_cast<Reader*>(arg);
  const size_t bytes = size * count;
  if (reader->body.size() + bytes > reader->call->max_response_bytes) {
    reader->too_long = true;
    return 0;
  }
  reader->body.append(data, bytes);
  return bytes;
}

int OnProgress(void* arg, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Reader*>(arg)->call->cancel.Cancelled() ? 1 : 0;
}

struct HeaderList {
  curl_slist* list = nullptr;
  void Add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
  ~HeaderList() { curl_slist_free_all(list); }
};

long Millis(absl::Duration duration) {
  return static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(duration)));
}

void InitializeOnce() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

struct HttpClient::State {
  CURL* easy = nullptr;
  char error[CURL_ERROR_SIZE] = {};
};

HttpClient::HttpClient() : state_(std::make_unique<State>()) {
  InitializeOnce();
  state_->easy = curl_easy_init();
}

HttpClient::~HttpClient() { curl_easy_cleanup(state_->easy); }

absl::StatusOr<HttpResponse> HttpClient::Post(const HttpCall& call) {
  CURL* easy = state_->easy;
  if (easy == nullptr) return absl::InternalError("libcurl did not start");
  curl_easy_reset(easy);  // keeps the connection
  HeaderList headers;
  headers.Add("Content-Type: application/json");
  headers.Add("Accept: application/json");
  headers.Add("Expect:");  // no 100-continue round trip
  if (!call.bearer.empty()) headers.Add(absl::StrCat("Authorization: Bearer ", call.bearer));
  Reader reader{&call, {}};
  state_->error[0] = '\0';
  curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Millis(call.timeout));
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                   Millis(std::min(call.connect_timeout, call.timeout)));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reader);
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, OnProgress);
  curl_easy_setopt(easy, CURLOPT_XFERINFODATA, &reader);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, state_->error);

  const CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK) {
    if (call.cancel.Cancelled()) return call.cancel.Check();
    if (reader.too_long) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the response is longer than ", call.max_response_bytes, " bytes"));
    }
    const std::string why =
        state_->error[0] != '\0' ? std::string(state_->error) : curl_easy_strerror(code);
    if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(why);
    return absl::UnavailableError(why);
  }
  HttpResponse response;
  response.body = std::move(reader.body);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  curl_off_t retry_after = 0;
  if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after) == CURLE_OK && retry_after > 0) {
    response.retry_after = absl::Seconds(static_cast<int64_t>(retry_after));
  }
  return response;
}

}  // namespace foundry::chat
