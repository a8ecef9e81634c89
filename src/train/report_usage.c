/* report_usage.c - how the model is used and how it was made, see report.h. */
#include <json-c/json.h>
#include <string.h>

#include "base/file.h"
#include "train/report.h"

static void snippet(ht_text *page, const char *title, const char *text) {
  ht_text_printf(page, "<h3>%s</h3>\n<pre>", title);
  ht_html_text(page, text, -1);
  ht_text_add(page, "</pre>\n");
}

/* The name of the first input as the exported signature has it, and an
 * example of a value: one input is enough to show how. */
static const char *input_name(const ht_report *r) {
  const char *name = r->trained->composed.input[0]->name;
  const char *slash = strrchr(name, '/');
  return slash ? slash + 1 : name;
}

static bool takes_text(const ht_report *r) {
  const ht_port *p = r->trained->composed.input[0];
  return p->dtype == HT_STRING && p->shape.rank == 1;
}

static void usage(ht_text *page, const ht_report *r) {
  ht_text t = {0};
  const char *name = input_name(r), *run = r->run;
  bool text = takes_text(r);
  ht_text_add(page, "<h2>How to use the model</h2>\n");
  ht_text_printf(&t,
                 "hubtune predict %s new.csv --csv\n"
                 "hubtune export %s tuned --what module   # the module alone, "
                 "for reuse\n",
                 run, run);
  snippet(page, "hubtune", t.p ? t.p : "");
  ht_text_reset(&t);
  ht_text_printf(&t,
                 "import tensorflow as tf\n"
                 "model = tf.saved_model.load(\"%s/model\")\n"
                 "answer = model.signatures[\"serving_default\"](%s=%s)\n"
                 "print(answer)\n",
                 run, name, text ? "tf.constant([\"a text\"])" : "batch");
  snippet(page, "TensorFlow", t.p ? t.p : "");
  ht_text_reset(&t);
  ht_text_printf(&t,
                 "mkdir -p served && cp -r %s/model served/1\n"
                 "tensorflow_model_server --rest_api_port=8501 \\\n"
                 "  --model_name=model --model_base_path=$PWD/served &\n"
                 "curl localhost:8501/v1/models/model:predict -d "
                 "'{\"inputs\": {\"%s\": %s}}'\n",
                 run, name, text ? "[\"a text\"]" : "[...]");
  snippet(page, "TF Serving", t.p ? t.p : "");
  ht_text_free(&t);
}

/* ---- settings */

static void setting_row(ht_text *page, const char *name, json_object *value) {
  const char *text = json_object_get_string(value);
  if (!text || !*text || strcmp(text, "[ ]") == 0) return;
  ht_text_add(page, "<tr><td>");
  ht_html_text(page, name, -1);
  ht_text_add(page, "</td><td>");
  ht_html_text(page, text, -1);
  ht_text_add(page, "</td></tr>\n");
}

static ht_status settings(ht_text *page, ht_report *r) {
  char *data;
  size_t n;
  const char *path = ht_path_join(&r->arena, r->run, "config.json");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_file_read(path, 1 << 20, &r->arena, &data, &n));
  json_object *all = json_tokener_parse(data);
  ht_text_add(page,
              "<h2>Settings</h2>\n<div class=\"wide\">"
              "<table class=\"left\">\n");
  if (json_object_is_type(all, json_type_object)) {
    json_object_object_foreach(all, name, value) {
      if (value) setting_row(page, name, value);
    }
  }
  ht_text_add(page, "</table></div>\n");
  json_object_put(all);
  return HT_SUCCESS;
}

/* ---- what it was made of */

static void origins(ht_text *page, const ht_report *r) {
  ht_text_add(page,
              "<h2>Made of</h2>\n<div class=\"wide\"><table class=\"left\">"
              "<tr><th></th><th></th><th>SHA-256</th></tr>\n");
  for (int i = 0; i < r->n_origins; i++) {
    const ht_origin *o = &r->origin[i];
    ht_text_printf(page, "<tr><td>%s</td><td>", o->what);
    ht_html_text(page, o->name, -1);
    ht_text_printf(page, "</td><td>%s</td></tr>\n",
                   *o->sha256 ? o->sha256 : "gone");
  }
  ht_text_add(page, "</table></div>\n");
}

ht_status ht_report_usage(ht_text *page, ht_report *r) {
  usage(page, r);
  origins(page, r);
  return settings(page, r);
}
