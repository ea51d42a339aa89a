// All of the public interface. `namespace eco = ecotone;` makes for shorter lines.
#pragma once

#include "ecotone/backend/backend.h"
#include "ecotone/backend/reference/reference.h"
#include "ecotone/backend/session.h"
#include "ecotone/base/error.h"
#include "ecotone/base/log.h"
#include "ecotone/base/thread_pool.h"
#include "ecotone/engine/inputs.h"
#include "ecotone/engine/model.h"
#include "ecotone/format/npz/npz.h"
#include "ecotone/format/onnx/onnx.h"
#include "ecotone/format/safetensors/safetensors.h"
#include "ecotone/ir/builder.h"
#include "ecotone/ir/program.h"
#include "ecotone/ir/tensor.h"
#include "ecotone/ir/verify.h"
#include "ecotone/op/table.h"
