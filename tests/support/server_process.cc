#include "tests/support/server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace ordinate {
namespace {

std::string BinaryPath(const char* variable) {
  const char* path = std::getenv(variable);
  if (path == nullptr) {
    std::fprintf(stderr, "%s must name the binary\n", variable);
    std::abort();
  }
  return path;
}

/// Forks and executes the binary with its standard output and error on a pipe, whose reading end
/// goes to `output`.
pid_t Spawn(const char* binary_variable, const std::vector<std::string>& arguments, int* output) {
  const std::string binary = BinaryPath(binary_variable);
  std::vector<char*> argv = {const_cast<char*>(binary.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) {
    // It ends with the thread that started it, however that ends.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  *output = ends[0];
  return pid;
}

}  // namespace

ServerProcess::ServerProcess(const std::string& data_dir, std::vector<std::string> extra_arguments,
                             const char* binary_variable) {
  std::vector<std::string> arguments = {"serve",       "--data-dir",       data_dir, "--listen",
                                        "127.0.0.1:0", "--metrics-listen", "none"};
  arguments.insert(arguments.end(), extra_arguments.begin(), extra_arguments.end());
  pid_ = Spawn(binary_variable, arguments, &output_);
  std::string text;
  char buffer[4096];
  const std::string mark = "gRPC on ";
  while (true) {
    const ssize_t count = ::read(output_, buffer, sizeof(buffer));
    if (count <= 0) {
      if (Wait() == 128 + SIGKILL) {
        ::close(output_);
        return;
      }
      std::fprintf(stderr, "the server did not start:\n%s\n", text.c_str());
      std::abort();
    }
    text.append(buffer, static_cast<size_t>(count));
    const size_t at = text.find(mark);
    const size_t line_end = at == std::string::npos ? at : text.find('\n', at);
    if (line_end == std::string::npos) continue;
    const size_t begin = at + mark.size();
    address_ = text.substr(begin, text.find_first_of(", \n", begin) - begin);
    break;
  }
  // What the server logs from now on must not fill the pipe and block it.
  ::close(output_);
  output_ = -1;
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) Kill();
}

std::shared_ptr<grpc::Channel> ServerProcess::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
}

int ServerProcess::Wait() {
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ServerProcess::Kill() {
  ::kill(pid_, SIGKILL);
  Wait();
}

int ServerProcess::Terminate() {
  ::kill(pid_, SIGTERM);
  return Wait();
}

int RunOrdinate(const std::vector<std::string>& arguments, std::string* output) {
  int fd = -1;
  const pid_t pid = Spawn("ORDINATE_BINARY", arguments, &fd);
  output->clear();
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof(buffer))) > 0;) {
    output->append(buffer, static_cast<size_t>(count));
  }
  ::close(fd);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace ordinate
