/* map.c - open addressing over insertion-ordered entries, see map.h. */
#include "base/map.h"

#include <string.h>

/* wyhash-like mixing of 8 bytes at a time by a widening product. */
static uint64_t mix(uint64_t a, uint64_t b) {
  __extension__ typedef unsigned __int128 wide;
  wide m = (wide)a * b;
  return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint64_t ht_hash(const void *p, size_t n) {
  const unsigned char *s = p;
  uint64_t h = 0x9e3779b97f4a7c15u ^ n, word;
  for (; n >= 8; n -= 8, s += 8) {
    memcpy(&word, s, 8);
    h = mix(h ^ word, 0xe7037ed1a0b428dbu);
  }
  word = 0;
  if (n) memcpy(&word, s, n);
  return mix(h ^ word, 0x8ebc6af09c88c6e3u);
}

static uint32_t *find_slot(const ht_map *map, const char *key) {
  uint32_t mask = map->n_slots - 1;
  uint32_t i = (uint32_t)ht_hash(key, strlen(key)) & mask;
  while (map->slot[i] && strcmp(map->entry[map->slot[i] - 1].key, key) != 0)
    i = (i + 1) & mask;
  return &map->slot[i];
}

static ht_status rehash(ht_map *map) {
  uint32_t n = map->n_slots ? map->n_slots * 2 : 16;
  HT_NEW(map->slot, map->arena, n);
  map->n_slots = n;
  for (int i = 0; i < map->n; i++)
    *find_slot(map, map->entry[i].key) = (uint32_t)i + 1;
  return HT_SUCCESS;
}

ht_status ht_map_put(ht_map *map, const char *key, void *value) {
  if ((uint32_t)map->n * 2 >= map->n_slots) HT_TRY(rehash(map));
  uint32_t *slot = find_slot(map, key);
  if (*slot) {
    map->entry[*slot - 1].value = value;
    return HT_SUCCESS;
  }
  HT_GROW(map->entry, map->n, map->capacity, map->arena);
  map->entry[map->n] = (ht_map_entry){key, value};
  *slot = (uint32_t)++map->n;
  return HT_SUCCESS;
}

void *ht_map_get(const ht_map *map, const char *key) {
  if (!map->n) return NULL;
  uint32_t slot = *find_slot(map, key);
  return slot ? map->entry[slot - 1].value : NULL;
}
