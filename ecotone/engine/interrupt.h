// Ctrl-C during long work: what is done so far is kept, and no process stays behind.
#pragma once

#include "ecotone/base/error.h"

namespace ecotone::engine {

// While one lives, SIGINT and SIGTERM set a flag instead of ending the process. A second signal ends it at once.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};

bool interrupted();

// What waiting on a worker throws then.
class Interrupted : public Error {
 public:
  Interrupted() : Error("interrupted") {}
};

}  // namespace ecotone::engine
