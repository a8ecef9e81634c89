/*
 * signature.c - calls a named signature with several inputs and outputs, and
 * asks for gradients.
 *
 *     signature MODULE SIGNATURE NAME=VALUE...
 *
 * A VALUE is words separated by commas for numbers (as many as the input's
 * shape wants), or a text; --gradients comes last where they are wanted.
 */
#include <hubtune.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ht_status print_all(const char *what, const ht_arrays *set) {
  for (int i = 0; i < ht_arrays_count(set); i++) {
    char *text;
    ht_status st = ht_array_print(ht_arrays_at(set, i), &text);
    if (st.code != HT_OK) return st;
    printf("%s %s =\n%s\n", what, ht_arrays_name(set, i), text);
    free(text);
  }
  return (ht_status){HT_OK, NULL};
}

/* "name=1,2,3" */
static ht_status add_input(ht_function *function, const char *text,
                           ht_arrays *inputs) {
  char name[256];
  const char *equals = strchr(text, '=');
  size_t n = equals ? (size_t)(equals - text) : sizeof name;
  if (n >= sizeof name)
    return (ht_status){HT_USAGE, "an input is written NAME=VALUE"};
  memcpy(name, text, n);
  name[n] = 0;
  ht_array *value;
  ht_status st = ht_function_parse(function, name, equals + 1, &value);
  return st.code == HT_OK ? ht_arrays_put(inputs, name, value) : st;
}

static ht_status run(ht_function *function, const ht_arrays *inputs,
                     bool differentiate) {
  ht_arrays *outputs = NULL, *gradients = NULL;
  ht_status st = differentiate ? ht_function_gradients(function, inputs, NULL,
                                                       &outputs, &gradients)
                               : ht_function_run(function, inputs, &outputs);
  if (st.code == HT_OK) st = print_all("output", outputs);
  if (st.code == HT_OK && gradients) st = print_all("gradient", gradients);
  ht_arrays_free(outputs);
  ht_arrays_free(gradients);
  return st;
}

static ht_status call(ht_module *module, int argc, char **argv) {
  bool differentiate = strcmp(argv[argc - 1], "--gradients") == 0;
  ht_choice choice = {.signature = argv[2]};
  ht_function *function;
  ht_arrays *inputs = NULL;
  ht_status st = ht_function_open(module, &choice, NULL, &function);
  if (st.code != HT_OK) return st;
  st = ht_arrays_new(&inputs);
  for (int i = 3; i < argc - differentiate && st.code == HT_OK; i++)
    st = add_input(function, argv[i], inputs);
  if (st.code == HT_OK) st = run(function, inputs, differentiate);
  ht_arrays_free(inputs);
  ht_function_free(function);
  return st;
}

int main(int argc, char **argv) {
  ht_module *module;
  if (argc < 4) {
    fprintf(stderr,
            "usage: signature MODULE SIGNATURE NAME=VALUE... [--gradients]\n");
    return 2;
  }
  ht_status st = ht_module_open(argv[1], NULL, &module);
  if (st.code == HT_OK) {
    st = call(module, argc, argv);
    ht_module_free(module);
  }
  if (st.code == HT_OK) return 0;
  fprintf(stderr, "signature: %s\n", st.msg);
  return 1;
}
