/* card.c - see card.h. */
#include "config.h"

#include "train/card.h"

#include <string.h>

#include "base/file.h"

enum { MOST_CLASSES = 200 };

/* In a cell of a table or a line. */
static void plain(ht_text *page, const char *s) {
  for (; *s; s++) {
    if (*s == '|' || *s == '`' || *s == '\\' || *s == '<')
      ht_text_printf(page, "\\%c", *s);
    else
      ht_text_bytes(page, (unsigned char)*s < ' ' ? " " : s, 1);
  }
}

static const char *kind(const ht_report *r) {
  return r->card.task == HT_TASK_REGRESS      ? "Gives numbers"
         : r->card.task == HT_TASK_MULTILABEL ? "Says which labels fit"
                                              : "Says which class fits";
}

static void summary(ht_text *page, const ht_report *r) {
  const ht_composed *c = &r->trained->composed;
  const ht_labels *l = &r->trained->labels;
  ht_text_add(page, "# ");
  plain(page, ht_path_base(r->run));
  ht_text_printf(page, "\n\n%s, from ", kind(r));
  for (int i = 0; i < c->n_inputs; i++) {
    ht_text_printf(page, "%s%s input `", i ? ", " : "",
                   ht_dtype_name(c->input[i]->dtype));
    plain(page, c->input[i]->name);
    ht_text_add(page, "`");
  }
  ht_text_printf(page,
                 ". A %s module with %d new layer%s on top, trained by "
                 "hubtune " PACKAGE_VERSION ".\n",
                 r->trained->options.trainable ? "fine-tuned" : "frozen",
                 c->n_layers, c->n_layers == 1 ? "" : "s");
  if (!l->name) return;
  ht_text_printf(page, "\nThe %d classes: ", l->n);
  for (int i = 0; i < l->n && i < MOST_CLASSES; i++) {
    if (i) ht_text_add(page, ", ");
    plain(page, l->name[i]);
  }
  ht_text_add(page,
              l->n > MOST_CLASSES ? ", ... (`labels.txt` has all)\n" : "\n");
}

static void metrics(ht_text *page, const ht_report *r) {
  ht_text_add(page, "\n## Metrics\n\nOf ");
  plain(page, r->judged);
  ht_text_printf(page,
                 ", %lld examples.%s\n\n"
                 "| metric | value | 95%% interval |\n|---|---|---|\n",
                 (long long)r->card.n,
                 r->held_out ? ""
                             : " **Nothing was held out**: these were trained "
                               "on, so that the figures say little of others.");
  for (int i = 0; i < r->card.n_values; i++)
    ht_text_printf(page, "| %s | %.4f | %.4f to %.4f |\n", r->card.name[i],
                   r->card.value[i], r->interval[i].low, r->interval[i].high);
  ht_text_printf(page, "| loss | %.4f | |\n", r->card.loss);
}

static void origins(ht_text *page, const ht_report *r) {
  ht_text_add(page, "\n## Made of\n\n| | | SHA-256 |\n|---|---|---|\n");
  for (int i = 0; i < r->n_origins; i++) {
    const ht_origin *o = &r->origin[i];
    ht_text_printf(page, "| %s | ", o->what);
    plain(page, o->name);
    ht_text_printf(page, " | %s |\n", *o->sha256 ? o->sha256 : "gone");
  }
  ht_text_add(page,
              "\nOf a folder: `find -L . -type f | LC_ALL=C sort | xargs "
              "sha256sum | sha256sum` in it.\n\n## Licence\n\n");
  if (!r->n_licences)
    ht_text_add(page, "The module came without a licence file.\n");
  for (int i = 0; i < r->n_licences; i++) {
    ht_text_add(page, "The module's is in `");
    plain(page, r->licence[i].name);
    ht_text_add(page, "` beside this file.\n");
  }
}

static ht_status settings(ht_text *page, const ht_report *r, ht_arena *a) {
  char *data, *rest = NULL;
  size_t n;
  const char *path = ht_path_join(a, r->run, "config.json");
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  HT_TRY(ht_file_read(path, 1 << 20, a, &data, &n));
  ht_text_add(page, "\n## Settings\n\n");
  for (char *line = strtok_r(data, "\n", &rest); line;
       line = strtok_r(NULL, "\n", &rest))
    ht_text_printf(page, "    %s\n", line);
  return ht_text_check(page);
}

static ht_status write(const ht_report *r, ht_text *page, ht_arena *a) {
  summary(page, r);
  metrics(page, r);
  origins(page, r);
  HT_TRY(settings(page, r, a));
  const char *path = ht_path_join(a, r->run, HT_CARD_NAME);
  if (!path) return ht_fail(HT_NO_MEMORY, "no memory for a path");
  return ht_file_write(path, page->p, page->n);
}

ht_status ht_card_write(const ht_report *r) {
  ht_arena a = {0};
  ht_text page = {0};
  ht_status st = write(r, &page, &a);
  ht_text_free(&page);
  ht_arena_free(&a);
  return st;
}
