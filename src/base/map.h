/* map.h - a hash map from strings to pointers, in an arena; nothing is
 * removed. The order of insertion is kept for walking. */
#ifndef HT_BASE_MAP_H
#define HT_BASE_MAP_H

#include "base/arena.h"

typedef struct ht_map_entry {
  const char *key; /* borrowed: must live as long as the map */
  void *value;
} ht_map_entry;

typedef struct ht_map {
  ht_arena *arena;
  ht_map_entry *entry; /* n of them, in the order of insertion */
  int n, capacity;
  uint32_t *slot; /* index + 1 into entry, 0 = free; a power of two */
  uint32_t n_slots;
} ht_map;

/* An empty map is {.arena = arena}. Puts or replaces. */
ht_status ht_map_put(ht_map *map, const char *key, void *value) HT_MUST_CHECK;

/* The value, or NULL where the key is not there. */
void *ht_map_get(const ht_map *map, const char *key);

/* A good 64-bit hash of n bytes, the same in every run. */
uint64_t ht_hash(const void *p, size_t n);

#endif
