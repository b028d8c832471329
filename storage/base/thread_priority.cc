#include "storage/base/thread_priority.h"

#include <unistd.h>

namespace ordinate {

void GiveWay(int by) {
  // Lower is always allowed.
  [[maybe_unused]] const int now = nice(by);
}

}  // namespace ordinate
