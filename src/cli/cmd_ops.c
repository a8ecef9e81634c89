/* cmd_ops.c - hubtune ops: the supported operations. */
#include <json-c/json.h>

#include "cli/command.h"
#include "cli/output.h"

typedef struct settings {
  bool markdown;
} settings;

static const option options[] = {
    {"markdown", NULL, "as the page docs/ops.md", OPTION_FLAG,
     .offset = offsetof(settings, markdown)},
    {0}};

static const char *gradient(const ht_op_info *op) {
  return op->gradient ? "yes" : "no";
}

static void markdown(void) {
  printf(
      "# Operations\n\nMade by `hubtune ops --markdown` from the op table: %d "
      "operations.\n\n| Operation | Gradient | What it does |\n|---|---|---|\n",
      ht_op_count());
  for (int i = 0; i < ht_op_count(); i++) {
    ht_op_info op = ht_op_at(i);
    printf("| %s | %s | ", op.name, gradient(&op));
    for (const char *p = op.doc; *p; p++) {
      if (*p == '|') putchar('\\');
      putchar(*p);
    }
    puts(" |");
  }
}

static void json(void) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < ht_op_count(); i++) {
    ht_op_info op = ht_op_at(i);
    json_object *o = json_object_new_object();
    json_object_object_add(o, "name", json_object_new_string(op.name));
    json_object_object_add(o, "gradient", json_object_new_boolean(op.gradient));
    json_object_object_add(o, "inputs", json_object_new_string(op.inputs));
    json_object_object_add(o, "outputs", json_object_new_string(op.outputs));
    json_object_object_add(o, "attrs", json_object_new_string(op.attrs));
    json_object_object_add(o, "doc", json_object_new_string(op.doc));
    json_object_array_add(list, o);
  }
  json_print(list);
}

static void text(void) {
  size_t width = 0;
  for (int i = 0; i < ht_op_count(); i++) {
    size_t n = strlen(ht_op_at(i).name);
    if (n > width) width = n;
  }
  for (int i = 0; i < ht_op_count(); i++) {
    ht_op_info op = ht_op_at(i);
    printf("%-*s  %-8s  %s\n", (int)width, op.name,
           op.gradient ? "gradient" : "", op.doc);
  }
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  if (s->markdown)
    markdown();
  else if (c->common->json)
    json();
  else
    text();
  return DONE;
}

const action do_ops = {
    .text =
        "Lists the operations of TensorFlow that hubtune runs, and whether "
        "each has a gradient. Operations without one are those for which "
        "TensorFlow has none, or a zero one.",
    .options = options,
    .settings_size = sizeof(settings),
    .run = run,
};
