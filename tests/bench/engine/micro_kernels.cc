// The kernels by themselves, over vectors in the cache and over vectors in memory, for every
// instruction set this machine has.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/index/aligned_floats.h"
#include "engine/search/kernels.h"
#include "tests/bench/engine/generators.h"
#include "tests/bench/engine/micro.h"

namespace ordinate::bench {
namespace {

constexpr size_t kCachedBytes = size_t{256} << 10;
constexpr size_t kMemoryBytes = size_t{512} << 20;

/// The same 512 MiB each time: random enough for arithmetic, and quick to make.
const AlignedFloats& Numbers() {
  static const AlignedFloats numbers = [] {
    AlignedFloats floats(kMemoryBytes / sizeof(float));
    NormalFloats normal(1);
    float block[1'021];
    for (float& x : block) x = normal.Next();
    for (size_t i = 0; i < floats.size(); ++i) floats[i] = block[i % std::size(block)];
    return floats;
  }();
  return numbers;
}

/// Calls body(query, x) for vector after vector; reports the bytes read of x.
template <typename Body>
void OverVectors(benchmark::State& state, uint32_t dim, size_t bytes, const Body& body) {
  const uint32_t stride = StrideOf(dim);
  const AlignedFloats query(Numbers().begin(), Numbers().begin() + stride);
  const float* vectors = Numbers().data();
  const size_t end = bytes / sizeof(float) / stride * stride;
  size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(body(query.data(), vectors + at));
    at += stride;
    if (at == end) at = 0;
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * dim *
                          static_cast<int64_t>(sizeof(float)));
}

template <typename Body>
void Register(const Kernels& kernels, const std::string& function, const Body& body) {
  for (const uint32_t dim : {64u, 128u, 384u, 768u}) {
    for (const bool cached : {true, false}) {
      const std::string name = "kernel/" + function + "/" + kernels.name + "/dim" +
                               std::to_string(dim) + (cached ? "/cache" : "/memory");
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        OverVectors(state, dim, cached ? kCachedBytes : kMemoryBytes,
                    [&](const float* q, const float* x) { return body(q, x, dim); });
      });
    }
  }
}

}  // namespace

void RegisterKernelBenchmarks() {
  for (const Kernels* kernels : AvailableKernels()) {
    Register(*kernels, "l2sq", [=](const float* q, const float* x, uint32_t dim) {
      return kernels->l2sq(q, x, StrideOf(dim));
    });
    Register(*kernels, "dot", [=](const float* q, const float* x, uint32_t dim) {
      return kernels->dot(q, x, StrideOf(dim));
    });
    Register(*kernels, "exact_l2sq", [=](const float* q, const float* x, uint32_t dim) {
      return kernels->exact_l2sq(q, x, dim);
    });
    Register(*kernels, "exact_dot_norm", [=](const float* q, const float* x, uint32_t dim) {
      return kernels->exact_dot_norm(q, x, dim).dot;
    });
  }
}

}  // namespace ordinate::bench
