#include "service/server/callback_pulse.h"

#include <chrono>
#include <future>
#include <utility>

#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"

namespace ordinate {
namespace {

// Well below the second after which a thread without a callback sleeps.
constexpr std::chrono::milliseconds kBetween(250);
constexpr std::chrono::seconds kAtMost(1);
constexpr const char* kMethod = "/grpc.health.v1.Health/Check";

}  // namespace

CallbackPulse::CallbackPulse(std::shared_ptr<grpc::Channel> channel)
    : channel_(std::move(channel)), thread_([this] { Run(); }) {}

CallbackPulse::~CallbackPulse() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

void CallbackPulse::Run() {
  while (true) {
    {
      const auto until = std::chrono::steady_clock::now() + kBetween;
      MutexLock lock(mutex_);
      while (!stopping_ && changed_.WaitUntil(mutex_, until)) {
      }
      if (stopping_) return;
    }
    Beat();
  }
}

// What the health service says does not matter.
void CallbackPulse::Beat() {
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kAtMost);
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  const auto ended = std::make_shared<std::promise<void>>();
  stub.UnaryCall(&context, kMethod, grpc::StubOptions(), &request, &response,
                 [ended](const grpc::Status&) { ended->set_value(); });
  ended->get_future().wait();
}

}  // namespace ordinate
