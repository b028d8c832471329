#include "service/server/address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "storage/base/text.h"

namespace ordinate {

std::string WithPort(std::string_view address, int port) {
  return Concat(address.substr(0, address.rfind(':')), ":", port);
}

std::string WhyNoListening(std::string_view address, std::string_view otherwise) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::string(otherwise);
  std::string host(address.substr(0, colon));
  const std::string port(address.substr(colon + 1));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);

  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return Concat("the host '", host, "' is not known here (", ::gai_strerror(error), ")");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  std::string why(otherwise);
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    const int fd = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
    if (fd < 0) continue;
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    const bool listening = ::bind(fd, each->ai_addr, each->ai_addrlen) == 0 && ::listen(fd, 1) == 0;
    const int error = errno;
    ::close(fd);
    if (listening) return std::string(otherwise);
    why = std::strerror(error);
  }
  return why;
}

}  // namespace ordinate
