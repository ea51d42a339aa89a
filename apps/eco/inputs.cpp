#include <charconv>
#include <iostream>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "ecotone/backend/backend.h"
#include "ecotone/base/error.h"
#include "ecotone/base/log.h"

#include "apps/eco/eco.h"

namespace eco_command {

using namespace ecotone;
using namespace ecotone::engine;

namespace {

// CLI11 takes "-1" and 2^64 for the largest seed.
std::string why_no_seed(const std::string& text) {
  uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error == std::errc() && end == text.data() + text.size()) return "";
  return fmt::format("'{}' is no seed; give a whole number from 0 to 2^64 - 1", text);
}

}  // namespace

void InputOptions::add_to(CLI::App& verb) {
  verb.add_option("-i,--input", files,
                  "Inputs: .npz or .safetensors with arrays named after the model's inputs; .npy, ONNX .pb, .png, "
                  ".jpg; or name=FILE. "
                  "May be repeated. Without it inputs are made from --seed");
  verb.add_option("--shape", shapes, "Sizes of an input, as name=1,3,224,224; may be repeated");
  verb.add_option(
          "--seed", seed,
          "Seed of made inputs (floats normal; integers in range of what they index, else 0 or 1) and of the random "
          "numbers that a model draws")
      ->check(why_no_seed)
      ->capture_default_str();
  verb.add_option("--mean", image.mean, "Subtracted from an image's RGB/255, per channel")->delimiter(',');
  verb.add_option("--std", image.std, "An image's RGB/255 less the mean is divided by this, per channel")
      ->delimiter(',');
  // One value each time, so that the model may follow.
  for (const char* list : {"--input", "--shape", "--mean", "--std"}) verb.get_option(list)->allow_extra_args(false);
}

std::pair<Model, std::vector<Tensor>> InputOptions::load(const std::string& path) const {
  ModelOptions options;
  for (const std::string& s : shapes) options.shapes.insert(parse_shape_option(s));
  if (files.empty()) {
    if (!image.mean.empty() || !image.std.empty())
      fail("--mean and --std are for a picture, but no input is given; give one with -i, or leave them out");
    Model model = load_model(path, options);
    std::vector<Tensor> inputs = make_inputs(*model.program, seed);
    return {std::move(model), std::move(inputs)};
  }
  const Model signature = load_signature(path);
  NamedTensors given;
  ImageOptions sized = image;
  sized.shapes = options.shapes;
  for (const std::string& f : files)
    for (auto& t : read_inputs(f, *signature.program, sized)) given.push_back(std::move(t));
  Model model = load_model(path, specialized(std::move(options), *signature.program, given));
  std::vector<Tensor> inputs = match_inputs(*model.program, given, seed);
  return {std::move(model), std::move(inputs)};
}

void add_language(CLI::App& verb, std::string& flag) {
  verb.add_option("--lang", flag, "Language of what is printed: en or zh. Default: ECOTONE_LANG, else the locale")
      ->check(CLI::IsMember({"en", "zh"}));
}

Messages messages(const std::string& flag) {
  const Language language = choose_language(flag);
  try {
    return Messages(language);
  } catch (const Error& e) {
    if (!flag.empty() || e.kind() != ErrorKind::kMissing) throw;
    log_warning("{}", e.what());
    return Messages(Language::kEnglish);
  }
}

void add_backend_option(CLI::App& verb, std::string& backend) {
  verb.add_option("--backend", backend, "What runs it; there is: " + backend::names())->capture_default_str();
}

void print_json(const nlohmann::ordered_json& report) {
  std::cout << report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << std::endl;
}

std::string format_seconds(double s) {
  if (s < 1e-3) return fmt::format("{:.0f} us", s * 1e6);
  if (s < 1) return fmt::format("{:.1f} ms", s * 1e3);
  return fmt::format("{:.2f} s", s);
}

std::string format_bytes(double b) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (b >= 1000 && unit < 4) b /= 1000, ++unit;
  return unit ? fmt::format("{:.1f} {}", b, kUnits[unit]) : fmt::format("{:.0f} B", b);
}

}  // namespace eco_command
