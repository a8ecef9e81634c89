/* world.h - a model of one graph and some functions, made by hand: what tests
 * of plans, containers and passes run in. */
#ifndef HT_TESTS_WORLD_H
#define HT_TESTS_WORLD_H

#include "autograd/tape.h"
#include "graph/builder.h"
#include "graph/plan.h"
#include "test.h"

typedef struct world {
  ht_arena arena;
  ht_library library;
  ht_store store;
  ht_builder b;
  ht_pool *pool;
  ht_tape *tape;
} world;

static inline void world_open(world *w) {
  *w = (world){0};
  w->library.arena = &w->arena;
  w->library.by_name.arena = w->library.gradients.arena = &w->arena;
  ht_store_init(&w->store);
  w->pool = ht_pool_new();
  w->tape = ht_tape_new();
  OK(ht_builder_init(&w->b, &w->arena, &w->library, &w->store));
}

static inline void world_close(world *w) {
  ht_tape_free(w->tape);
  ht_store_free(&w->store);
  ht_arena_free(&w->arena);
  ht_pool_free(w->pool);
}

#endif
