#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"

namespace httplib {
class Server;
}  // namespace httplib

namespace ordinate {

/// The HTTP endpoint that Prometheus scrapes: GET /metrics, in the text format. Everything else is
/// 404.
class MetricsEndpoint {
 public:
  /// `address`: "host:port"; port 0 takes any free one. UNAVAILABLE naming the address and why
  /// nothing can listen there.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(
      const std::string& address,
      std::vector<std::shared_ptr<prometheus::Collectable>> collectables);
  ~MetricsEndpoint();

  /// "host:port" with the port in use.
  const std::string& address() const { return address_; }

 private:
  MetricsEndpoint() = default;
  std::string Page() const;

  std::vector<std::shared_ptr<prometheus::Collectable>> collectables_;
  std::unique_ptr<httplib::Server> server_;
  std::string address_;
  std::thread listener_;
};

}  // namespace ordinate
