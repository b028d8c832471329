#pragma once

// Precompiled for this folder: what nearly every file here includes and is slow to parse.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"
