// Prometheus metrics of one process.
//
// A Metrics is owned by main and handed down by pointer. Labels must come from small fixed sets
// (stages, methods, codes), never ids: each combination lives as long as the process. A name must
// keep its kind. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry::telemetry {

using Labels = std::map<std::string, std::string>;

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Adds to a counter; by 0 makes it visible.
  void Count(const std::string& name, const std::string& help, const Labels& labels = {},
             double by = 1);
  // Sets a gauge, or moves it.
  void Set(const std::string& name, const std::string& help, const Labels& labels, double value);
  void Move(const std::string& name, const std::string& help, const Labels& labels, double by);
  // Adds to a histogram of seconds with buckets from 5 ms to 10 min.
  void ObserveSeconds(const std::string& name, const std::string& help, const Labels& labels,
                      double seconds);

  // The text exposition format.
  std::string Text() const;

 private:
  friend class MetricsServer;
  struct State;
  std::unique_ptr<State> state_;
};

// GET /metrics over HTTP, until destroyed. Does not own the Metrics, which must outlive it.
class MetricsServer {
 public:
  // `address` is host:port; port 0 takes a free one. Unavailable when it cannot be bound.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const std::string& address,
                                                              Metrics* metrics);
  ~MetricsServer();
  // host:port with the port that was bound.
  const std::string& address() const { return address_; }

 private:
  struct State;
  MetricsServer();
  std::unique_ptr<State> state_;
  std::string address_;
};

}  // namespace foundry::telemetry
