#include "docs/examples/packages/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace packages {

void ParallelFor(size_t count, size_t grain, int threads,
                 const std::function<void(size_t begin, size_t end)>& work) {
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (;;) {
      const size_t begin = next.fetch_add(grain);
      if (begin >= count) return;
      work(begin, std::min(begin + grain, count));
    }
  };
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) helpers.emplace_back(run);
  run();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace packages
