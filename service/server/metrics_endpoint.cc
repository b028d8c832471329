#include "service/server/metrics_endpoint.h"

#include <httplib.h>
#include <sys/socket.h>

#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "prometheus/text_serializer.h"
#include "service/server/address.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr size_t kThreads = 2;
constexpr time_t kTimeoutSeconds = 5;
constexpr size_t kMaxBodyBytes = 4096;

}  // namespace

std::string MetricsEndpoint::Page() const {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& collectable : collectables_) {
    std::vector<prometheus::MetricFamily> some = collectable->Collect();
    std::move(some.begin(), some.end(), std::back_inserter(families));
  }
  return prometheus::TextSerializer().Serialize(families);
}

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(
    const std::string& address,
    std::vector<std::shared_ptr<prometheus::Collectable>> collectables) {
  const auto unavailable = [&](std::string_view why) {
    return absl::UnavailableError(Concat("cannot serve metrics on ", address, ": ",
                                         WhyNoListening(address, why),
                                         "; choose another address with --metrics-listen, or "
                                         "'none'"));
  };
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port)) {
    return unavailable("it is not HOST:PORT");
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  std::unique_ptr<MetricsEndpoint> endpoint(new MetricsEndpoint());
  endpoint->collectables_ = std::move(collectables);
  endpoint->server_ = std::make_unique<httplib::Server>();
  httplib::Server& server = *endpoint->server_;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_read_timeout(kTimeoutSeconds);
  server.set_write_timeout(kTimeoutSeconds);
  server.set_keep_alive_timeout(kTimeoutSeconds);
  server.set_payload_max_length(kMaxBodyBytes);
  // The library's default also shares the port with other processes, silently.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  server.Get("/metrics", [raw = endpoint.get()](const httplib::Request&, httplib::Response& page) {
    page.set_content(raw->Page(), "text/plain; version=0.0.4; charset=utf-8");
  });
  if (port == 0) {
    port = server.bind_to_any_port(host.c_str());
    if (port < 0) return unavailable("no port is free");
  } else if (!server.bind_to_port(host.c_str(), port)) {
    return unavailable("the port cannot be bound");
  }
  endpoint->address_ = Concat(address.substr(0, colon), ":", port);
  endpoint->listener_ = std::thread([raw = &server] { raw->listen_after_bind(); });
  return endpoint;
}

MetricsEndpoint::~MetricsEndpoint() {
  if (!listener_.joinable()) return;
  // stop() does nothing before the listener has begun.
  while (!server_->is_running()) std::this_thread::yield();
  server_->stop();
  listener_.join();
}

}  // namespace ordinate
