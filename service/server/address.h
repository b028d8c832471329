#pragma once

#include <string>
#include <string_view>

namespace ordinate {

/// `address` ("host:port") with `port` in place of its own.
std::string WithPort(std::string_view address, int port);

/// Why nothing can listen on `address` ("host:port"), found out by trying: "Address already in use"
/// and the like; `otherwise` when the trial succeeds on one of the host's addresses at least.
std::string WhyNoListening(std::string_view address, std::string_view otherwise);

}  // namespace ordinate
