/*
 * list_samples.c - prints the op table for tests/golden/make.py: a line per
 * op with family, name, inputs, outputs, attrs and samples between tabs.
 */
#include <stdio.h>

#include "ops/op.h"

#define FAMILY(name) extern const ht_op ht_ops_##name[];
#include "ops/families.def"
#undef FAMILY

static void list(const char *family, const ht_op *op) {
  for (; op->name; op++)
    printf("%s\t%s\t%s\t%s\t%s\t%s\n", family, op->name, op->inputs,
           op->outputs, op->attrs, op->samples ? op->samples : "");
}

int main(void) {
#define FAMILY(name) list(#name, ht_ops_##name);
#include "ops/families.def"
#undef FAMILY
  return 0;
}
