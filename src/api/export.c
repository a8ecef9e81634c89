/* export.c - modules written: with other weights, or by the time of writing. */
#include "hub/export.h"

#include <string.h>

#include "api/module.h"
#include "base/parallel.h"
#include "hub/assign.h"
#include "hub/latest.h"

ht_status ht_module_assign(ht_module *module, const char *checkpoint,
                           int n_maps, const char *const *maps) {
  ht_threads_set(module->threads);
  return ht_model_assign(module->model, checkpoint, n_maps, maps);
}

ht_status ht_module_export(ht_module *module, const char *out, bool hub1) {
  ht_threads_set(module->threads);
  return ht_export_module(module->model, out, hub1, false);
}

ht_status ht_result_export_latest(ht_result *result, const char *folder,
                                  bool module_only, bool hub1, int keep,
                                  char **path) {
  ht_arena arena = {0};
  char *written, *latest;
  *path = NULL;
  if (keep < 1)
    return ht_fail(HT_USAGE, "at least one export has to be kept, not %d",
                   keep);
  ht_status st = ht_latest_begin(folder, &arena, &written);
  if (st.code == HT_OK)
    st = ht_result_export(result, written, module_only, hub1);
  if (st.code == HT_OK)
    st = ht_latest_finish(folder, written, keep, &arena, &latest);
  if (st.code == HT_OK && !(*path = strdup(latest)))
    st = ht_fail(HT_NO_MEMORY, "no memory for a path");
  ht_arena_free(&arena);
  return st;
}
