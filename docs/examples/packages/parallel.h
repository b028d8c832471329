#pragma once

#include <cstddef>
#include <functional>

namespace packages {

/// Calls work(begin, end) for consecutive ranges of at most `grain` of 0..count, on `threads`
/// threads. The ranges do not depend on the number of threads.
void ParallelFor(size_t count, size_t grain, int threads,
                 const std::function<void(size_t begin, size_t end)>& work);

}  // namespace packages
