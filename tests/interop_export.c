/*
 * interop_export.c - writes a module as it was read, in the format asked for:
 *
 *     interop_export FOLDER OUT savedmodel|hub1
 *
 * `hubtune export` starts from a run; this one reaches the exporters of
 * modules that no run was made of.
 */
#include <stdio.h>
#include <string.h>

#include "hub/export.h"

static int report(ht_status st) {
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "interop_export: %s\n", st.msg);
  return 1;
}

int main(int argc, char **argv) {
  ht_model *model = NULL;
  if (argc != 4) {
    fprintf(stderr, "usage: interop_export FOLDER OUT savedmodel|hub1\n");
    return 2;
  }
  ht_status st = ht_model_open(argv[1], NULL, &model);
  if (st.code == HT_OK)
    st = ht_export_module(model, argv[2], strcmp(argv[3], "hub1") == 0, true);
  ht_model_free(model);
  return report(st);
}
