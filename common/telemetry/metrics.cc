#include "common/telemetry/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"

namespace foundry::telemetry {

struct Metrics::State {
  // Register() and Add() give back what exists already under a name and labels.
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

void Metrics::Count(const std::string& name, const std::string& help, const Labels& labels,
                    double by) {
  prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(*state_->registry)
      .Add(labels)
      .Increment(by);
}

void Metrics::Set(const std::string& name, const std::string& help, const Labels& labels,
                  double value) {
  prometheus::BuildGauge().Name(name).Help(help).Register(*state_->registry).Add(labels).Set(value);
}

void Metrics::Move(const std::string& name, const std::string& help, const Labels& labels,
                   double by) {
  prometheus::BuildGauge()
      .Name(name)
      .Help(help)
      .Register(*state_->registry)
      .Add(labels)
      .Increment(by);
}

void Metrics::ObserveSeconds(const std::string& name, const std::string& help, const Labels& labels,
                             double seconds) {
  static const prometheus::Histogram::BucketBoundaries buckets = {
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600};
  prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(*state_->registry)
      .Add(labels, buckets)
      .Observe(seconds);
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(state_->registry->Collect());
}

struct MetricsServer::State {
  std::shared_ptr<prometheus::Registry> registry;  // the exposer holds it weakly
  std::unique_ptr<prometheus::Exposer> exposer;
};

MetricsServer::MetricsServer() : state_(std::make_unique<State>()) {}
MetricsServer::~MetricsServer() = default;

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address,
                                                                    Metrics* metrics) {
  std::unique_ptr<MetricsServer> server(new MetricsServer);
  server->state_->registry = metrics->state_->registry;
  try {  // civetweb reports a failed bind by throwing
    server->state_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
    server->state_->exposer->RegisterCollectable(server->state_->registry);
    const std::vector<int> ports = server->state_->exposer->GetListeningPorts();
    if (ports.empty()) return absl::UnavailableError(absl::StrCat(address, ": cannot listen"));
    server->address_ = absl::StrCat(address.substr(0, address.rfind(':')), ":", ports.front());
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat(address, ": cannot serve /metrics: ", error.what()));
  }
  return server;
}

}  // namespace foundry::telemetry
