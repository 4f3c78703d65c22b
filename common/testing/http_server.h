// A small HTTP/1.1 server on 127.0.0.1 for tests of clients: real sockets, scripted answers.
// One thread a connection; Stop() (or the destructor) ends all of them.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace foundry::testing {

struct HttpServerRequest {
  std::string method, path, body;
  std::map<std::string, std::string> headers;  // names in lower case
};

struct HttpServerResponse {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  bool drop = false;  // close the connection without an answer
};

class HttpServer {
 public:
  using Handler = std::function<HttpServerResponse(const HttpServerRequest&)>;

  // Serves at once. The handler may be called from several threads.
  explicit HttpServer(Handler handler);
  ~HttpServer();

  std::string url() const;  // "http://127.0.0.1:4711"
  void Stop();

 private:
  void Accept();
  void Serve(int socket);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<int> sockets_;          // guarded by mutex_
  std::vector<std::thread> servers_;  // guarded by mutex_
  std::thread acceptor_;
};

}  // namespace foundry::testing
