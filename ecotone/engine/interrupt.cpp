#include "ecotone/engine/interrupt.h"

#include <atomic>
#include <csignal>

namespace ecotone::engine {
namespace {

std::atomic<bool> flag{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) {
  flag.store(true);
}

void install(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, nullptr);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  flag.store(false);
  for (int signal : {SIGINT, SIGTERM}) install(signal, on_signal, static_cast<int>(SA_RESETHAND));
}

InterruptGuard::~InterruptGuard() {
  for (int signal : {SIGINT, SIGTERM}) install(signal, SIG_DFL, 0);
}

bool interrupted() {
  return flag.load();
}

}  // namespace ecotone::engine
