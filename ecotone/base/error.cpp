#include "ecotone/base/error.h"

namespace ecotone::detail {

void throw_formatted(ErrorKind kind, fmt::string_view format, fmt::format_args args) {
  throw Error(kind, fmt::vformat(format, args));
}

}  // namespace ecotone::detail
