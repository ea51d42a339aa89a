#include "ecotone/backend/backend.h"

#include "ecotone/backend/reference/reference.h"
#include "ecotone/base/error.h"

namespace ecotone::backend {

Buffer Buffer::view(const Tensor& tensor) {
  auto held = std::make_shared<Tensor>(tensor.plain());
  const auto bytes = held->bytes();
  return {held->type(), {}, {}, {const_cast<std::byte*>(bytes.data()), bytes.size()}, held, nullptr};
}

Buffer Buffer::allocate(const TensorType& type) {
  auto held = std::make_shared<MutableTensor>(type.dtype, type.static_shape());
  return {type, {}, {}, held->bytes(), held, nullptr};
}

Tensor Buffer::tensor() const {
  if (where.kind != DeviceKind::kHost) fail("a buffer on a device can't be read as a host tensor");
  if (!layout.strides.empty()) fail("a strided buffer can't be read as a tensor");
  return Tensor(type.dtype, type.static_shape(), bytes, owner);
}

std::span<const Backend* const> backends() {
  static const Backend* const all[] = {&reference()};
  return all;
}

const Backend& find(std::string_view name) {
  for (const Backend* b : backends())
    if (b->name() == name) return *b;
  fail_kind(ErrorKind::kMissing, "there is no backend '{}'; there is: {}", name, names());
}

std::string names() {
  std::string list;
  for (const Backend* b : backends()) list += (list.empty() ? "" : ", ") + std::string(b->name());
  return list;
}

}  // namespace ecotone::backend
