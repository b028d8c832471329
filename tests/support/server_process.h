#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"

namespace ordinate {

/// A real `ordinate serve` process over a data directory, ended by its process id alone, or with
/// the thread that started it.
class ServerProcess {
 public:
  /// Starts the binary that the environment variable names and waits until it says it is ready.
  /// Extra arguments follow the standard ones. Ends the test process when it cannot be started;
  /// one that kills itself first is not running() afterwards.
  ServerProcess(const std::string& data_dir, std::vector<std::string> extra_arguments,
                const char* binary_variable = "ORDINATE_BINARY");
  /// Kills the process when it still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  const std::string& address() const { return address_; }
  std::shared_ptr<grpc::Channel> NewChannel() const;
  pid_t pid() const { return pid_; }
  bool running() const { return pid_ > 0; }

  /// SIGKILL, and waits for the end.
  void Kill();
  /// SIGTERM, waits, and returns the exit code.
  int Terminate();

 private:
  int Wait();

  pid_t pid_ = -1;
  int output_ = -1;
  std::string address_;
};

/// Runs the binary with `arguments`; returns its exit code, and what it printed in `output`.
int RunOrdinate(const std::vector<std::string>& arguments, std::string* output);

}  // namespace ordinate
