/* recipe.c - see recipe.h; docs/accuracy.md has what the numbers come to. */
#include "train/recipe.h"

#include <inttypes.h>
#include <stdio.h>

#include "train/feed_images.h"
#include "train/prepare.h"

/* Fewer examples leave nothing to hold back. A step of more weights, or of
 * larger tables, takes a CPU too long to be a first guess. */
enum { FEW = 50, ENOUGH = 5000, MANY_DENSE = 2000000, MANY = 400000000 };

/* A tenth of fewer photos would choose an epoch by chance, and is missed. */
enum { FEW_TO_CHOOSE_BY = 500 };

typedef struct facts {
  int64_t n; /* examples */
  ht_task task;
  int classes;
  bool texts, images; /* an input takes them, and the data have images */
  int64_t weights;    /* of the module that can train */
  int64_t dense;      /* without the largest table of a module of texts */
} facts;

/* ---- what there is */

/* Only what comes as images can be changed as such. */
static bool has_images(const ht_dataset *data) {
  for (int i = 0; i < data->n_columns; i++)
    if (ht_column_is_images(&data->column[i])) return true;
  return false;
}

static ht_status read_data(const ht_train_options *o, const ht_model *model,
                           facts *f) {
  ht_image_choice images;
  ht_mapping_choice choice = ht_prepare_mapping(o, model, &images);
  ht_read_options how = {.text = choice.text,
                         .image = choice.image,
                         .label = choice.label,
                         .labelled = true,
                         .max_bad = choice.max_bad};
  ht_dataset data;
  ht_labels labels = {0};
  HT_TRY(ht_dataset_read(o->data, &how, &data));
  const ht_column *c =
      o->label ? ht_dataset_find(&data, o->label) : ht_dataset_label(&data);
  ht_status st = ht_prepare_task(o->task, &f->task);
  if (st.code == HT_OK && c &&
      ht_labels_learn(c, f->task, 0, &labels).code == HT_OK)
    *f = (facts){.task = labels.task, .classes = labels.n};
  f->n = data.n;
  f->images = has_images(&data);
  ht_labels_free(&labels);
  ht_dataset_free(&data);
  return st;
}

static ht_status look_at_inputs(const ht_train_options *o, ht_model *model,
                                facts *f) {
  ht_design d;
  bool takes = false;
  HT_TRY(ht_prepare_design(o, model, &d));
  for (int i = 0; i < d.inference->n_inputs; i++) {
    f->texts |= d.inference->input[i].dtype == HT_STRING;
    takes |= ht_port_takes_images(&d.inference->input[i]);
  }
  f->images &= takes;
  return HT_SUCCESS;
}

static void count_weights(const ht_model *model, facts *f) {
  int64_t largest = 0;
  for (int i = 0; i < model->store.n_variables; i++) {
    const ht_variable *v = model->store.variable[i];
    if (!v->trainable || !v->value.dtype) continue;
    int64_t n = ht_count(&v->value);
    f->weights += n;
    if (n > largest) largest = n;
  }
  f->dense = f->weights - (f->texts ? largest : 0);
}

/* ---- what is made of it */

static bool trains(const facts *f) {
  return f->weights && f->weights <= MANY && f->dense <= MANY_DENSE;
}

/* Rates that fall over a few passes for a few classes, which are soon learnt by
 * heart; many take as many as help. */
static void take_time(ht_train_options *o, const facts *f) {
  enum { FEW_CLASSES = 10, LEAST = 5, MOST = 100, SEEN = 30000 };
  o->epochs = 30;
  o->patience = 3;
  if (f->task != HT_TASK_CLASSIFY || f->classes > FEW_CLASSES) return;
  int64_t epochs = SEEN / f->n;
  o->epochs = epochs < LEAST ? LEAST : epochs > MOST ? MOST : epochs;
  o->schedule = "linear";
  o->patience = 0;
}

/* Decoupled decay and dropout keep a small set from being learnt by heart;
 * numbers keep their scale, and classes of which most examples have none would
 * all be pressed below one half. */
static void train_tables(ht_train_options *o, const facts *f) {
  o->lr = f->task == HT_TASK_MULTILABEL ? 0.001 : 0.003;
  o->module_lr = 0.001;
  take_time(o, f);
  if (f->task != HT_TASK_CLASSIFY) return;
  o->optimizer = "adamw";
  o->weight_decay = 0.1;
  o->dropout = 0.5;
}

/* Enough epochs for few images, and not many of many; what no photo loses its
 * meaning by keeps them from being learnt by heart: the fewer there are, the
 * more it has to be. */
static void train_network(ht_train_options *o, const facts *f) {
  enum { LEAST = 8, MOST = 50, SEEN = 20000, FEW_IMAGES = 2000 };
  int64_t epochs = SEEN / f->n;
  bool few = f->images && f->n < FEW_IMAGES;
  o->lr = few ? 0.001 : 0.003;
  o->module_lr = 0.001;
  o->schedule = "linear";
  o->epochs = epochs < LEAST ? LEAST : epochs > MOST ? MOST : epochs;
  if (!few) o->dropout = 0.2;
  if (f->images)
    o->augment = few ? "crop,zoom,rotation,color"
                     : "crop:0.1,zoom:0.1,rotation:10,color";
}

/* Its output is made once, so that epochs cost next to nothing. */
static void train_head(ht_train_options *o) {
  o->epochs = 100;
  o->patience = 10;
}

static void tell(const ht_train_options *o, const facts *f,
                 void (*say)(void *, const char *), void *arg) {
  char line[HT_MESSAGE_MAX], why[160];
  if (!f->weights)
    snprintf(why, sizeof why, "has no weights that train");
  else if (!o->trainable)
    snprintf(why, sizeof why, "stays frozen, %" PRId64 " weights are many",
             f->weights);
  else
    snprintf(why, sizeof why, "trains too, %" PRId64 " weights%s", f->weights,
             f->texts ? " in tables, of which a step touches few rows"
                      : " are not many");
  snprintf(
      line, sizeof line,
      "nothing was said of how to train: the module %s; up to %lld epochs, "
      "%s; --print-config has the settings, and any of them, or --frozen, "
      "leaves the others to you",
      why, (long long)o->epochs,
      o->valid               ? "the best by the validation data"
      : o->valid_split <= 0  ? "then the last weights, as too few images are "
                               "there to choose by (--test shows how good "
                               "they are)"
      : o->valid_split < 0.1 ? "the best by a twentieth of the data"
                             : "the best by a tenth of the data");
  say(arg, line);
}

ht_status ht_recipe(ht_train_options *o, ht_model *model,
                    void (*say)(void *arg, const char *text), void *arg) {
  facts f = {0};
  if (!o->open || model->n_members || o->init_from) return HT_SUCCESS;
  HT_TRY(read_data(o, model, &f));
  if (f.n < FEW) return HT_SUCCESS;
  HT_TRY(look_at_inputs(o, model, &f));
  count_weights(model, &f);
  o->trainable = trains(&f);
  if (!o->trainable)
    train_head(o);
  else if (f.texts)
    train_tables(o, &f);
  else
    train_network(o, &f);
  bool all = o->trainable && f.images && !f.texts && f.n < FEW_TO_CHOOSE_BY;
  if (!o->valid && !all) o->valid_split = f.n < ENOUGH ? 0.1 : 0.05;
  tell(o, &f, say, arg);
  return HT_SUCCESS;
}
