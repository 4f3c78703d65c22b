// A server stream that holds no thread: its owner writes when it may and is told when it may again.
//
// One message is on its way at a time, as the client's flow control allows. Messages are shared: a
// thousand streams that send the same one hold it once. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "common/rpc/reactors.h"
#include "grpcpp/grpcpp.h"

namespace foundry::rpc {

template <typename Response>
class AsyncStream {
 public:
  virtual ~AsyncStream() = default;
  // Starts to send. False: a message is on its way still, or the call is over.
  virtual bool TryWrite(std::shared_ptr<const Response> message) = 0;
  // The client has gone, or its deadline has passed; finish the stream.
  virtual bool Over() const = 0;
  // Ends the stream after the message that is on its way. Once; nothing may follow.
  virtual void Finish(absl::Status status) = 0;
};

// The reactor behind it; deletes itself by dropping its own reference.
template <typename Response>
class AsyncStreamReactor : public grpc::ServerWriteReactor<Response>,
                           public AsyncStream<Response>,
                           public Ending {
 public:
  explicit AsyncStreamReactor(CallRunner* runner) : runner_(runner) {}

  // Before the reactor is handed to gRPC. `moved` runs on gRPC's threads after each message and at
  // a cancellation; it must not block. `done` leaves the middleware.
  void Keep(std::shared_ptr<AsyncStreamReactor> self) {
    std::lock_guard lock(mutex_);
    self_ = std::move(self);
  }
  void SetDone(std::function<void(absl::Status)> done) {
    std::lock_guard lock(mutex_);
    done_ = std::move(done);
  }
  void SetMoved(std::function<void()> moved) {
    std::lock_guard lock(mutex_);
    moved_ = std::move(moved);
  }

  bool TryWrite(std::shared_ptr<const Response> message) override {
    {
      std::lock_guard lock(mutex_);
      if (writing_ || over_ || finishing_) return false;
      writing_ = true;
      message_ = std::move(message);
    }
    this->StartWrite(message_.get());
    return true;
  }

  bool Over() const override {
    std::lock_guard lock(mutex_);
    return over_ || cancel.Cancelled();
  }

  void Finish(absl::Status status) override {
    {
      std::lock_guard lock(mutex_);
      if (finishing_) return;
      finishing_ = true;
      status_ = std::move(status);
      if (writing_) return;
    }
    done_(status_);
  }

  void FinishWith(const grpc::Status& status) override {
    grpc::ServerWriteReactor<Response>::Finish(status);
  }

  void OnWriteDone(bool ok) override {
    bool finish;
    {
      std::lock_guard lock(mutex_);
      writing_ = false;
      over_ |= !ok;
      finish = finishing_;
      message_.reset();
    }
    if (finish) return done_(status_);
    Move();
  }

  void OnCancel() override {
    cancel.Cancel("the client went away or its deadline passed");
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    Move();
  }

  void OnDone() override {
    runner_->Ended(this);
    std::shared_ptr<AsyncStreamReactor> self;
    std::lock_guard lock(mutex_);
    self.swap(self_);
    moved_ = nullptr;
  }

 private:
  void Move() {
    std::function<void()> moved;
    {
      std::lock_guard lock(mutex_);
      moved = moved_;
    }
    if (moved) moved();
  }

  CallRunner* const runner_;
  mutable std::mutex mutex_;
  std::shared_ptr<AsyncStreamReactor> self_;
  std::function<void()> moved_;
  std::function<void(absl::Status)> done_;
  std::shared_ptr<const Response> message_;  // on its way
  absl::Status status_;
  bool writing_ = false;
  bool over_ = false;
  bool finishing_ = false;
};

}  // namespace foundry::rpc
