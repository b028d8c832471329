#pragma once

namespace ordinate::bench {

/// Names begin with "kernel/".
void RegisterKernelBenchmarks();

}  // namespace ordinate::bench
