#pragma once

#include <memory>
#include <thread>

#include "grpcpp/channel.h"
#include "storage/base/mutex.h"

namespace ordinate {

/// Keeps gRPC reading from its connections. Its two threads for callbacks do that for all calls,
/// those without callbacks too. Each that has had no callback for a second sleeps for a tenth of
/// one, whatever it has read meanwhile (seen with 1.51, and in later sources); as both began to
/// wait at once, they sleep at once, and every call that comes then waits for them. A callback some
/// times a second goes to one of them, which then does not sleep while the other does.
class CallbackPulse {
 public:
  /// `channel`: to a server of this process with the health service.
  explicit CallbackPulse(std::shared_ptr<grpc::Channel> channel);
  /// Ends the call that is on its way. Before the server is shut down.
  ~CallbackPulse();
  CallbackPulse(const CallbackPulse&) = delete;
  CallbackPulse& operator=(const CallbackPulse&) = delete;

 private:
  void Run();
  void Beat();

  const std::shared_ptr<grpc::Channel> channel_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ORDINATE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace ordinate
