// What printing and reading back must keep.
#pragma once

#include <string>

#include "ecotone/format/stablehlo/stablehlo.h"
#include "ecotone/ir/difference.h"
#include "ecotone/ir/verify.h"

namespace ecotone::stablehlo {

// Why the Program that is printed and read is another one, or prints another text; empty when all is kept. With
// locations, too.
inline std::string roundtrip_error(const Program& program) {
  for (const bool locations : {false, true}) {
    PrintOptions options;
    options.locations = locations;
    const std::string text = print_program(program, options);
    try {
      const ProgramRef read = parse_program(text, "printed.mlir");
      verify(*read);
      DifferenceOptions compared;
      compared.locations = locations;
      if (const auto found = difference(program, *read, compared)) return "is read back as another program: " + *found;
      const std::string again = print_program(*read, options);
      size_t at = 0;
      while (at < text.size() && at < again.size() && text[at] == again[at]) ++at;
      if (at < std::max(text.size(), again.size())) {
        const auto line = [&](const std::string& s) {
          const size_t begin = at == 0 ? 0 : s.rfind('\n', at - 1) + 1;
          return s.substr(begin, std::min<size_t>(s.find('\n', begin), s.size()) - begin);
        };
        return "prints otherwise once read back: '" + line(text) + "' became '" + line(again) + "'";
      }
    } catch (const Error& e) {
      return std::string("can't be read back: ") + e.what();
    }
  }
  return {};
}

}  // namespace ecotone::stablehlo
