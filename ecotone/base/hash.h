#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace ecotone {

/// Mixes 64 bits well (the finalizer of SplitMix64, Steele, Lea and Flood, 2014).
constexpr uint64_t hash_mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Adds a hash to a running one; the order of calls matters.
constexpr uint64_t hash_combine(uint64_t seed, uint64_t hash) {
  return hash_mix(seed + 0x9e3779b97f4a7c15u + hash);
}

/// Hash of several values through std::hash, for use inside one process.
template <class... T>
uint64_t hash_all(const T&... values) {
  uint64_t seed = sizeof...(T);
  ((seed = hash_combine(seed, std::hash<T>{}(values))), ...);
  return seed;
}

/// Hash of bytes, the same in every process and on every machine of little-endian order (FNV-1a over 64-bit words,
/// then over the tail). Not for security.
uint64_t hash_bytes(std::span<const std::byte> bytes, uint64_t seed = 0);

inline uint64_t hash_string(std::string_view text, uint64_t seed = 0) {
  return hash_bytes(std::as_bytes(std::span(text.data(), text.size())), seed);
}

}  // namespace ecotone
