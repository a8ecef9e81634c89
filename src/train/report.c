/* report.c - see report.h: what is shown, and in which order. */
#include "train/report.h"

#include <json-c/json.h>
#include <string.h>

#include "base/file.h"
#include "train/card.h"
#include "train/init.h"
#include "train/loop.h"
#include "train/prepare.h"

/* ---- the log */

static ht_status add_point(ht_report *r, ht_series *s, double x,
                           json_object *line, const char *name) {
  json_object *v;
  if (!json_object_object_get_ex(line, name, &v) ||
      json_object_is_type(v, json_type_null))
    return HT_SUCCESS;
  int capacity = s->capacity;
  HT_GROW(s->x, s->n, capacity, &r->arena);
  HT_GROW(s->y, s->n, s->capacity, &r->arena);
  s->x[s->n] = x;
  s->y[s->n++] = json_object_get_double(v);
  return HT_SUCCESS;
}

static ht_status add_line(ht_report *r, json_object *line, double *step) {
  json_object *v;
  if (!json_object_is_type(line, json_type_object)) return HT_SUCCESS;
  if (json_object_object_get_ex(line, "step", &v)) {
    *step = json_object_get_double(v);
    return add_point(r, &r->step_loss, *step, line, "loss");
  }
  if (!json_object_object_get_ex(line, "epoch", &v)) return HT_SUCCESS;
  HT_TRY(add_point(r, &r->epoch_loss, *step, line, "loss"));
  HT_TRY(add_point(r, &r->valid_loss, *step, line, "valid_loss"));
  return add_point(r, &r->metric, *step, line, r->metric.name);
}

static ht_status read_log(ht_report *r) {
  const ht_train_options *o = &r->trained->options;
  const char *path =
      o->log ? o->log : ht_path_join(&r->arena, r->run, "log.jsonl");
  char *data, *rest = NULL;
  size_t n;
  double step = 0;
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  if (!ht_path_exists(path)) return HT_SUCCESS;
  HT_TRY(ht_file_read(path, (size_t)4 << 30, &r->arena, &data, &n));
  for (char *line = strtok_r(data, "\n", &rest); line;
       line = strtok_r(NULL, "\n", &rest)) {
    json_object *o_line = json_tokener_parse(line);
    ht_status st = add_line(r, o_line, &step);
    json_object_put(o_line);
    HT_TRY(st);
  }
  return HT_SUCCESS;
}

/* ---- the answers */

/* Test data before validation data before training data. */
static ht_status open_examples(ht_report *r, int64_t *n) {
  const ht_trained *t = r->trained;
  const ht_train_options *o = &t->options;
  const ht_composed *c = &t->composed;
  ht_image_choice images;
  ht_mapping_choice choice = ht_prepare_mapping(o, t->model, &images);
  const char *path = o->test ? o->test : o->valid ? o->valid : o->data;
  HT_TRY(ht_feed_open(path, c->design.inference, c->input, c->n_inputs, &choice,
                      true, &r->feed));
  HT_TRY(ht_feed_encode(&r->feed, &t->labels));
  *n = r->feed.data.n;
  bool part = !o->test && !o->valid && o->valid_split > 0;
  r->held_out = o->test || o->valid || part;
  const char *kind = o->test    ? "the test data"
                     : o->valid ? "the validation data"
                     : part     ? "the validation part of"
                                : "the training data";
  r->judged = ht_arena_printf(&r->arena, "%s %s", kind, path);
  if (!r->judged) return ht_fail(HT_NO_MEMORY, "no memory for a report");
  if (!part) return HT_SUCCESS;
  ht_split split;
  HT_TRY(ht_prepare_split(o, &r->feed, &r->arena, &split));
  r->index = split.valid;
  *n = split.n_valid;
  return HT_SUCCESS;
}

/* Broken images have no answers. */
static ht_status skip_broken(ht_report *r, int64_t n) {
  int64_t *index, k = 0;
  if (r->answers.n == n) return HT_SUCCESS;
  HT_NEW(index, &r->arena, n);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = r->index ? r->index[i] : i;
    if (!ht_feed_broken(&r->feed, at)) index[k++] = at;
  }
  r->index = index;
  return HT_SUCCESS;
}

/* What a frozen module gives is in the cache, often. */
static ht_status answer(ht_report *r, ht_composed *c, int64_t n) {
  ht_frozen *frozen;
  const char *why;
  ht_frozen_work w = {.composed = c,
                      .body = &c->eval_body,
                      .feed = &r->feed,
                      .index = r->index,
                      .n = n,
                      .cache = !r->trained->options.no_cache &&
                               !ht_init_run(&r->trained->options)};
  HT_TRY(ht_frozen_make(&w, &frozen, &why));
  ht_status st =
      ht_judge_answers(c, &r->feed, r->index, n, frozen, &r->answers);
  ht_frozen_free(frozen);
  return st;
}

static ht_status judge(ht_report *r, ht_composed *c) {
  int64_t n = 0;
  HT_TRY(open_examples(r, &n));
  HT_TRY(answer(r, c, n));
  HT_TRY(skip_broken(r, n));
  HT_TRY(ht_score(&r->answers, &r->card));
  return ht_interval_metrics(&r->answers, (uint64_t)r->trained->options.seed,
                             r->interval);
}

/* ---- the page */

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6570;--paper:#fff;"
    "--line:#d9dee3;--soft:#f3f5f7;--a:#0b66c3;--b:#c2410c;--c:#2f7d32}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--dim:#9aa5b1;"
    "--paper:#14171a;--line:#333a41;--soft:#1e2328;--a:#6cb2ff;--b:#ff9a62;"
    "--c:#7fce83}}"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:60rem;padding:1rem;"
    "background:var(--paper);color:var(--ink);"
    "font:16px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.2rem;margin:2rem 0 "
    ".5rem;"
    "border-bottom:1px solid var(--line)}p{margin:.4rem 0}"
    ".dim{color:var(--dim)}.wide{overflow-x:auto}td img{vertical-align:top}"
    ".cards{display:flex;flex-wrap:wrap;gap:.6rem}"
    ".card{background:var(--soft);border-radius:.4rem;padding:.6rem .8rem;"
    "min-width:7rem}.card b{display:block;font-size:1.4rem}"
    ".card .dim{font-size:.85rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.2rem .6rem;border-bottom:1px solid var(--line);"
    "text-align:right;vertical-align:top}th:first-child,td:first-child,"
    ".left td,.left th{text-align:left}"
    ".left td{overflow-wrap:anywhere;min-width:5em}"
    ".grid td{border:1px solid var(--line);text-align:center;min-width:2rem}"
    "pre{background:var(--soft);padding:.7rem;border-radius:.4rem;"
    "overflow-x:auto;font-size:.85rem}"
    "svg{width:100%;height:auto;max-width:44rem;display:block;margin:.5rem 0;"
    "overflow:visible}"
    "svg text{fill:var(--dim);font-size:12px}svg .axis{stroke:var(--line)}"
    "svg .s0{stroke:var(--a)}svg .s1{stroke:var(--b)}svg .s2{stroke:var(--c)}"
    "svg .f0{fill:var(--a)}svg .f1{fill:var(--b)}svg .f2{fill:var(--c)}"
    ".left td:first-child{min-width:12rem}"
    "td small{color:var(--dim);white-space:nowrap;margin-left:.3rem}"
    "@media(max-width:600px){svg text{font-size:19px}th,td{padding:.2rem .3rem}"
    "table{font-size:.85rem}td small{display:block}"
    "td:first-child{overflow-wrap:anywhere;min-width:5rem}"
    ".left td:first-child{min-width:8rem}}"
    "@media print{body{max-width:none}h2,h3{break-after:avoid}"
    "tr,svg,pre{break-inside:avoid}pre{white-space:pre-wrap}}";

static void head(ht_text *page, const ht_report *r) {
  ht_text_add(page,
              "<!doctype html>\n<html lang=\"en\"><head>"
              "<meta charset=\"utf-8\"><meta name=\"viewport\" "
              "content=\"width=device-width,initial-scale=1\"><title>");
  ht_html_text(page, ht_path_base(r->run), -1);
  ht_text_printf(page,
                 " - hubtune report</title><style>%s</style></head>"
                 "<body>\n<h1>",
                 style);
  ht_html_text(page, ht_path_base(r->run), -1);
  ht_text_add(page, "</h1>\n<p>");
  for (int i = 0; i < r->trained->options.n_module; i++) {
    if (i) ht_text_add(page, " and ");
    ht_html_text(page, r->trained->options.module[i], -1);
  }
  for (int i = 0; i < r->trained->options.n_preprocess; i++) {
    ht_text_add(page, i ? " and " : " behind ");
    ht_html_text(page, r->trained->options.preprocess[i], -1);
  }
  ht_text_printf(page, ", %s, judged on ",
                 r->trained->options.trainable ? "fine-tuned" : "frozen");
  ht_html_text(page, r->judged, -1);
  ht_text_printf(page, " (%lld examples).</p>\n", (long long)r->card.n);
  if (!r->held_out)
    ht_text_add(page,
                "<p><b>Nothing was held out:</b> these figures are of the "
                "examples that were trained on and say little about new "
                "ones. Train with --valid-split or --test.</p>\n");
}

static void curves(ht_text *page, const ht_report *r) {
  const ht_series *loss[] = {&r->step_loss, &r->epoch_loss, &r->valid_loss};
  const ht_series *metric[] = {&r->metric};
  ht_text_add(page, "<h2>Learning curves</h2>\n");
  if (r->step_loss.n) ht_chart_lines(page, "loss", "step", loss, 3);
  if (r->metric.n) ht_chart_lines(page, r->metric.name, "step", metric, 1);
}

static ht_status write_page(ht_report *r, ht_text *page) {
  bool classes = r->card.task != HT_TASK_REGRESS;
  head(page, r);
  ht_report_scores(page, r);
  curves(page, r);
  if (classes) ht_report_classes(page, r);
  if (r->card.confusion) ht_report_confusion(page, r);
  if (r->card.task == HT_TASK_CLASSIFY) ht_report_calibration(page, r);
  HT_TRY(ht_report_errors(page, r));
  HT_TRY(ht_report_usage(page, r));
  ht_text_add(page, "</body></html>\n");
  return ht_text_check(page);
}

static ht_status make(ht_report *r, ht_composed *c, ht_text *page) {
  HT_TRY(judge(r, c));
  r->metric.name = r->card.n_values ? r->card.name[0] : "";
  HT_TRY(read_log(r));
  HT_TRY(ht_origins(r->trained, &r->arena, &r->origin, &r->n_origins));
  HT_TRY(ht_licences(r->trained, &r->arena, &r->licence, &r->n_licences));
  HT_TRY(ht_card_write(r));
  HT_TRY(write_page(r, page));
  const char *path = ht_path_join(&r->arena, r->run, "report.html");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_file_write(path, page->p, page->n));
  return r->check ? r->check(r) : HT_SUCCESS;
}

ht_status ht_report_write(ht_trained *trained, const char *run,
                          ht_report_check_fn *check) {
  ht_text page = {0};
  ht_report r = {.trained = trained,
                 .run = run,
                 .check = check,
                 .step_loss = {.name = "each step"},
                 .epoch_loss = {.name = "mean of the epoch"},
                 .valid_loss = {.name = "validation"}};
  ht_status st = make(&r, &trained->composed, &page);
  ht_text_free(&page);
  ht_scorecard_free(&r.card);
  ht_answers_free(&r.answers);
  ht_feed_close(&r.feed);
  ht_arena_free(&r.arena);
  return st;
}
