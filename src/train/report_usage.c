/* report_usage.c - how the model is used and how it was made, see report.h. */
#include <json-c/json.h>
#include <string.h>

#include "base/file.h"
#include "train/export_run.h"
#include "train/report.h"

static void snippet(ht_text *page, const char *title, const char *text) {
  ht_text_printf(page, "<h3>%s</h3>\n<pre>", title);
  ht_html_text(page, text, -1);
  ht_text_add(page, "</pre>\n");
}

typedef enum taken { TEXT, FILES, ANY } taken;

static taken what_is_taken(const ht_report *r) {
  const ht_composed *c = &r->trained->composed;
  ht_image_spec spec;
  if (ht_served_files(r->trained, &spec)) return FILES;
  bool text = c->n_inputs == 1 && c->input[0]->dtype == HT_STRING;
  return text && c->input[0]->shape.rank == 1 ? TEXT : ANY;
}

static void in_hubtune(ht_text *t, const ht_report *r, taken what) {
  static const char *const line[] = {"echo \"a text\" | hubtune predict %s -\n",
                                     "hubtune predict %s photos/\n",
                                     "hubtune predict %s new.csv --csv\n"};
  ht_text_printf(t, line[what], r->run);
  ht_text_printf(t,
                 "hubtune export %s tuned --what module   # the module alone, "
                 "for reuse\n",
                 r->run);
}

/* A value that the input takes, as Python has it. */
static void value(ht_text *t, const ht_port *p) {
  const char *comma = "";
  ht_text_add(t, p->dtype == HT_STRING ? "tf.fill([" : "tf.zeros([");
  for (int i = 0; i < p->shape.rank; i++, comma = ", ")
    ht_text_printf(t, "%s%lld", comma,
                   (long long)(p->shape.dim[i] < 0 ? 1 : p->shape.dim[i]));
  if (p->dtype == HT_STRING)
    ht_text_add(t, "], \"a text\")");
  else
    ht_text_printf(t, "], \"%s\")", ht_dtype_name(p->dtype));
}

static void in_tensorflow(ht_text *t, ht_report *r, taken what) {
  const ht_composed *c = &r->trained->composed;
  ht_text_printf(t,
                 "import tensorflow as tf\n"
                 "model = tf.saved_model.load(\"%s/model\")\n"
                 "answer = model.signatures[\"%s\"](",
                 r->run, what == FILES ? "serving_bytes" : "serving_default");
  if (what == FILES)
    ht_text_add(t, "image_bytes=tf.stack([tf.io.read_file(\"1.jpg\")])");
  for (int i = 0; i < c->n_inputs && what != FILES; i++) {
    const char *name = ht_served_name(c, i, &r->arena);
    ht_text_printf(t, "%s%s=", i ? ", " : "", name ? name : "");
    value(t, c->input[i]);
  }
  ht_text_add(t, ")\nprint(answer)\n");
}

static void in_serving(ht_text *t, ht_report *r, taken what) {
  static const char address[] = "curl localhost:8501/v1/models/model:predict";
  const ht_composed *c = &r->trained->composed;
  ht_text_printf(t,
                 "mkdir -p served && cp -r %s/model served/1\n"
                 "tensorflow_model_server --rest_api_port=8501 \\\n"
                 "  --model_name=model --model_base_path=$PWD/served &\n",
                 r->run);
  if (what == FILES) {
    ht_text_printf(t,
                   "echo '{\"signature_name\": \"serving_bytes\",\n"
                   "  \"inputs\": {\"image_bytes\": [{\"b64\": "
                   "\"'$(base64 -w0 1.jpg)'\"}]}}' |\n  %s -d @-\n",
                   address);
    return;
  }
  ht_text_printf(t, "%s -d '{\"inputs\": {", address);
  for (int i = 0; i < c->n_inputs; i++) {
    const char *name = ht_served_name(c, i, &r->arena);
    bool text = c->input[i]->dtype == HT_STRING && c->input[i]->shape.rank == 1;
    ht_text_printf(t, "%s\"%s\": %s", i ? ", " : "", name ? name : "",
                   text ? "[\"a text\"]" : "[...]");
  }
  ht_text_add(t, "}}'\n");
}

static void usage(ht_text *page, ht_report *r) {
  ht_text t = {0};
  taken what = what_is_taken(r);
  ht_text_add(page, "<h2>How to use the model</h2>\n");
  in_hubtune(&t, r, what);
  snippet(page, "hubtune", t.p ? t.p : "");
  ht_text_reset(&t);
  in_tensorflow(&t, r, what);
  snippet(page, "TensorFlow", t.p ? t.p : "");
  ht_text_reset(&t);
  in_serving(&t, r, what);
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
