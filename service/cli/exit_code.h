#pragma once

namespace ordinate::cli {

/// What the command's exit code means. The numbers are documented in docs/cli.md and never change.
enum ExitCode : int {
  kExitOk = 0,
  /// The server answered with an error; its canonical code is in the message.
  kExitServer = 1,
  /// The command line is wrong: an unknown option, or a value that cannot be understood.
  kExitUsage = 2,
  /// The command ran and what it looked for is not as it should be: `verify` found damage, `recall`
  /// is under --min-recall.
  kExitFinding = 3,
  /// No server could be reached at --server.
  kExitConnect = 4,
  /// A local file is missing, unreadable, unwritable or malformed.
  kExitFile = 5,
};

}  // namespace ordinate::cli
