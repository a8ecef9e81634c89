/* checkpoint_keys.h - the names in a training checkpoint. */
#ifndef HT_TRAIN_CHECKPOINT_KEYS_H
#define HT_TRAIN_CHECKPOINT_KEYS_H

#include "tensor/variable.h"

#define HT_KEY_FACTOR "optimizer/schedule"
#define HT_KEY_REACHED "optimizer/reached"
#define HT_KEY_STEP "loop/step"
#define HT_KEY_EPOCH "loop/epoch"
#define HT_KEY_EXAMPLES "loop/examples"
#define HT_KEY_LOSS "loop/loss"
#define HT_KEY_BEST "loop/best"
#define HT_KEY_BEST_LOSS "loop/best_loss"
#define HT_KEY_BEST_STEP "loop/best_step"
#define HT_KEY_WITHOUT "loop/epochs_without_improvement"
#define HT_KEY_SAVES "loop/saves"
#define HT_KEY_REGULAR "loop/last_regular_save"
#define HT_KEY_BEGIN "loop/first_losses"
#define HT_KEY_PARTS "loop/parts"
#define HT_KEY_ORDER_EPOCH "loop/data_epoch"
#define HT_KEY_ORDER_NEXT "loop/data_next"
#define HT_KEY_SEED "loop/seed"
#define HT_KEY_MODULE "loop/module"
#define HT_KEY_SETTINGS "loop/settings"

/* "group/NAME" or "group/NAME/part"; NULL: no memory. */
static inline const char *ht_key(ht_arena *arena, const char *group,
                                 const ht_variable *v, const char *part) {
  const char *name = v->key ? v->key : v->name;
  const char *scope = v->scope ? v->scope : "";
  return part ? ht_arena_printf(arena, "%s/%s%s/%s", group, scope, name, part)
              : ht_arena_printf(arena, "%s/%s%s", group, scope, name);
}

#endif
