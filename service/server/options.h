#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/query/settings.h"

namespace ordinate {

/// Number of cores this process may use, at least 1.
uint32_t AvailableCores();

/// Where the rows are and what works on them.
struct StandaloneOptions {
  std::string data_dir = "ordinate-data";
  std::optional<uint32_t> shards;  // unset: as created; for a new directory one per core
  uint32_t query_threads = AvailableCores();
  uint32_t build_threads = AvailableCores();
  uint64_t min_seal_rows = 2'000;
  std::string backup_dir;                  // empty: no backups
  uint64_t backup_max_mib_per_second = 0;  // written; 0: unlimited
  uint64_t disk_reserve_bytes = 256 << 20;
  bool verify_at_start = false;  // every byte of index files, before they answer
  Settings settings;
};

/// The gRPC endpoint and its limits.
struct GrpcOptions {
  std::string listen = "127.0.0.1:7700";  // host:port; port 0: any free one
  uint64_t max_message_bytes = 64ull << 20;
  uint32_t max_metadata_bytes = 16 << 10;
  uint32_t max_concurrent_calls = 256;    // over all connections
  uint32_t max_concurrent_streams = 256;  // per connection
  uint32_t keepalive_seconds = 60;
  uint32_t max_connection_age_seconds = 3'600;  // 0: unlimited
  uint32_t stream_idle_seconds = 60;
};

struct LogOptions {
  std::string level = "info";
  bool json = false;
};

/// Everything `ordinate serve` is told.
struct ServeOptions {
  StandaloneOptions standalone;
  GrpcOptions grpc;
  std::string metrics_listen = "127.0.0.1:7701";  // empty: no metrics endpoint
  uint32_t drain_seconds = 30;
  uint32_t recall_seconds = 0;  // between measurements of recall; 0: none
  uint32_t recall_samples = 100;
  LogOptions log;
};

}  // namespace ordinate
