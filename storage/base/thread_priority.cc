#include "storage/base/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace ordinate {

void GiveWay(int nice) { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), nice); }

}  // namespace ordinate
