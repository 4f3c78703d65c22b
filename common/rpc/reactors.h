// gRPC's callback reactors, reduced to what the frame needs. Nothing here blocks in gRPC's threads.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "common/base/cancel.h"
#include "grpcpp/grpcpp.h"

namespace foundry::rpc {

// One call under way. `Finish` is called once, from an executor thread; the reactor deletes itself
// when gRPC is done with it.
class Ending {
 public:
  virtual ~Ending() = default;
  virtual void FinishWith(const grpc::Status& status) = 0;
  CancelToken cancel;
};

// Told when a reactor goes away.
class CallRunner {
 public:
  virtual ~CallRunner() = default;
  virtual void Ended(Ending* ending) = 0;
};

class UnaryReactor : public grpc::ServerUnaryReactor, public Ending {
 public:
  explicit UnaryReactor(CallRunner* runner) : runner_(runner) {}
  void FinishWith(const grpc::Status& status) override { Finish(status); }
  void OnCancel() override { cancel.Cancel("the client went away or its deadline passed"); }
  void OnDone() override {
    runner_->Ended(this);
    delete this;
  }

 private:
  CallRunner* const runner_;
};

template <typename Response>
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // Blocks while the message before it is on its way (the client's flow control). False: the call
  // is over, stop.
  virtual bool Write(Response message) = 0;
};

template <typename Response>
class StreamReactor : public grpc::ServerWriteReactor<Response>,
                      public StreamWriter<Response>,
                      public Ending {
 public:
  explicit StreamReactor(CallRunner* runner) : runner_(runner) {}

  bool Write(Response message) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !writing_ || over_; });
    if (over_) return false;
    message_ = std::move(message);
    writing_ = true;
    lock.unlock();
    this->StartWrite(&message_);
    return true;
  }

  void FinishWith(const grpc::Status& status) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !writing_; });
    lock.unlock();
    this->Finish(status);
  }

  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    over_ |= !ok;
    changed_.notify_all();
  }

  void OnCancel() override {
    cancel.Cancel("the client went away or its deadline passed");
    std::lock_guard lock(mutex_);
    over_ = true;
    changed_.notify_all();
  }

  void OnDone() override {
    runner_->Ended(this);
    delete this;
  }

 private:
  CallRunner* const runner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Response message_;
  bool writing_ = false;
  bool over_ = false;
};

}  // namespace foundry::rpc
