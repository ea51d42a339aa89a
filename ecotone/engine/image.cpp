#include "ecotone/engine/image.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>
#include <png.h>

#include "ecotone/base/error.h"
#include "ecotone/base/file.h"

namespace ecotone::engine {
namespace {

constexpr int64_t kMaxPixels = int64_t{1} << 28;
// What a byte can hold at most. PNG: deflate's 1032:1, a bit a pixel. JPEG: a bit for a block of 64 pixels.
constexpr int64_t kMaxPixelsPerPngByte = 8 * 1032, kMaxPixelsPerJpegByte = 8 * 64;
constexpr int kMaxScans = 100;  // of a progressive JPEG; each costs a pass over the picture

bool too_large(int64_t width, int64_t height, size_t bytes, int64_t per_byte) {
  const int64_t most = std::min(kMaxPixels, static_cast<int64_t>(bytes) * per_byte);
  return width > most || height > most || width * height > most;
}
[[noreturn]] void fail_large(const std::string& file, int64_t width, int64_t height) {
  fail("{}: a picture of {}x{} pixels is too large, or more than its bytes can hold", file, width, height);
}

struct Picture {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> rgb;
};

Picture read_png(std::span<const std::byte> bytes, const std::string& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()))
    fail("{}: not a readable PNG: {}", file, image.message);
  image.format = PNG_FORMAT_RGB;
  Picture p{image.width, image.height, {}};
  if (too_large(p.width, p.height, bytes.size(), kMaxPixelsPerPngByte)) {
    png_image_free(&image);
    fail_large(file, p.width, p.height);
  }
  p.rgb.resize(PNG_IMAGE_SIZE(image));
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&image, &white, p.rgb.data(), 0, nullptr))
    fail("{}: a damaged PNG: {}", file, image.message);
  return p;
}

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

// libjpeg reports errors by longjmp: nothing with a destructor may be made between setjmp and here.
bool decode_jpeg(std::span<const std::byte> bytes, Picture& p, JpegErrors& errors) {
  jpeg_decompress_struct jpeg;
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = [](j_common_ptr info) {
    auto* e = reinterpret_cast<JpegErrors*>(info->err);
    info->err->format_message(info, e->message);
    std::longjmp(e->jump, 1);
  };
  errors.base.output_message = [](j_common_ptr) {};
  // libjpeg fills up a picture that ends early; we refuse it.
  errors.base.emit_message = [](j_common_ptr info, int level) {
    if (level < 0 && (info->err->msg_code == JWRN_JPEG_EOF || info->err->msg_code == JWRN_HIT_MARKER))
      info->err->error_exit(info);
  };
  jpeg_progress_mgr progress{};
  progress.progress_monitor = [](j_common_ptr info) {
    if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) {
      info->err->msg_code = JERR_BAD_PROGRESSION;
      info->err->error_exit(info);
    }
  };
  if (setjmp(errors.jump)) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg.progress = &progress;
  jpeg_read_header(&jpeg, TRUE);
  p.width = jpeg.image_width;
  p.height = jpeg.image_height;
  if (too_large(p.width, p.height, bytes.size(), kMaxPixelsPerJpegByte)) {
    jpeg_destroy_decompress(&jpeg);
    return true;
  }
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  p.rgb.resize(static_cast<size_t>(p.width * p.height * 3));
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = p.rgb.data() + static_cast<size_t>(jpeg.output_scanline) * static_cast<size_t>(p.width) * 3;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return true;
}

Picture read_picture(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() >= 4 && std::memcmp(bytes.data(), "\x89PNG", 4) == 0) return read_png(bytes, file);
  if (bytes.size() >= 3 && std::memcmp(bytes.data(), "\xFF\xD8\xFF", 3) == 0) {
    Picture p;
    JpegErrors errors;
    if (!decode_jpeg(bytes, p, errors)) fail("{}: a damaged JPEG: {}", file, errors.message);
    if (p.rgb.empty()) fail_large(file, p.width, p.height);
    return p;
  }
  fail("{}: neither a PNG nor a JPEG picture", file);
}

}  // namespace

Tensor image_tensor(const std::filesystem::path& path, const TensorType& type, const ImageOptions& options) {
  return image_tensor(MappedFile::open(path)->bytes(), path.string(), type, options);
}

Tensor image_tensor(std::span<const std::byte> bytes, const std::string& file, const TensorType& type,
                    const ImageOptions& options) {
  if (type.rank() != 4 || !is_float(type.dtype))
    fail("{}: an image needs a float input of 4 dimensions, this one is {}", file, type.str());
  const Picture p = read_picture(bytes, file);
  const bool channels_last =
      type.shape[3].as_constant() == 3 || (type.shape[3].as_constant() == 1 && type.shape[1].as_constant() != 3);
  const size_t channel_axis = channels_last ? 3 : 1, row_axis = channels_last ? 1 : 2;
  const int64_t channels = type.shape[channel_axis].as_constant().value_or(3);
  if (channels != 3 && channels != 1) fail("{}: an image has 1 or 3 channels, the input wants {}", file, channels);
  const int64_t height = type.shape[row_axis].as_constant().value_or(p.height);
  const int64_t width = type.shape[row_axis + 1].as_constant().value_or(p.width);
  for (const auto* list : {&options.mean, &options.std})
    if (!list->empty() && list->size() != static_cast<size_t>(channels) && list->size() != 1)
      fail("--mean and --std take 1 or {} numbers, got {}", channels, list->size());
  for (double s : options.std)
    if (!(s > 0)) fail("--std must be above zero, got {}", s);
  auto at = [&](const std::vector<double>& list, int64_t c, double otherwise) {
    return list.empty() ? otherwise : list[list.size() == 1 ? 0 : static_cast<size_t>(c)];
  };
  auto pixel = [&](int64_t y, int64_t x, int64_t c) {
    const uint8_t* rgb = &p.rgb[static_cast<size_t>((y * p.width + x) * 3)];
    if (channels == 1) return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    return static_cast<double>(rgb[c]);
  };
  const int64_t batch = type.shape[0].as_constant().value_or(1);
  Shape shape = channels_last ? Shape{batch, height, width, channels} : Shape{batch, channels, height, width};
  MutableTensor out(type.dtype, shape);
  const double scale_y = static_cast<double>(p.height) / static_cast<double>(height),
               scale_x = static_cast<double>(p.width) / static_cast<double>(width);
  for (int64_t y = 0; y < height; ++y) {
    const double sy =
        std::clamp((static_cast<double>(y) + 0.5) * scale_y - 0.5, 0.0, static_cast<double>(p.height - 1));
    const auto y0 = static_cast<int64_t>(sy), y1 = std::min(y0 + 1, p.height - 1);
    const double fy = sy - static_cast<double>(y0);
    for (int64_t x = 0; x < width; ++x) {
      const double sx =
          std::clamp((static_cast<double>(x) + 0.5) * scale_x - 0.5, 0.0, static_cast<double>(p.width - 1));
      const auto x0 = static_cast<int64_t>(sx), x1 = std::min(x0 + 1, p.width - 1);
      const double fx = sx - static_cast<double>(x0);
      for (int64_t c = 0; c < channels; ++c) {
        const double top = pixel(y0, x0, c) * (1 - fx) + pixel(y0, x1, c) * fx;
        const double bottom = pixel(y1, x0, c) * (1 - fx) + pixel(y1, x1, c) * fx;
        const double v = ((top * (1 - fy) + bottom * fy) / 255 - at(options.mean, c, 0)) / at(options.std, c, 1);
        for (int64_t n = 0; n < batch; ++n)
          out.set_double(channels_last ? ((n * height + y) * width + x) * channels + c
                                       : ((n * channels + c) * height + y) * width + x,
                         v);
      }
    }
  }
  return std::move(out).freeze();
}

}  // namespace ecotone::engine
