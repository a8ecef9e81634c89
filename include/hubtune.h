/*
 * hubtune.h - the public face of libhubtune: open a TensorFlow Hub module or
 * SavedModel, run it, differentiate it, fine-tune it and write it back.
 *
 * The library prints nothing, never exits and keeps no global state; all that
 * can fail returns an ht_status whose message is fit to print.
 */
#ifndef HUBTUNE_H
#define HUBTUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HT_API __attribute__((visibility("default")))

/* What kind of failure; the message says which. */
typedef enum ht_code {
  HT_OK = 0,
  HT_USAGE,       /* the caller asked for something that makes no sense */
  HT_IO,          /* a file or folder could not be read or written */
  HT_CORRUPT,     /* a file's content is not what its format says */
  HT_UNSUPPORTED, /* valid, but not something hubtune does */
  HT_NO_MEMORY,
  HT_NUMERIC, /* a loss or value that is not finite */
  HT_STOPPED, /* a callback or signal asked to stop */
  HT_UNMET    /* a model is not as good as was asked for */
} ht_code;

/*
 * The result of everything that can fail. `msg` lives until this thread's
 * next failure and is NULL when code is HT_OK.
 */
typedef struct ht_status {
  ht_code code;
  const char *msg;
} ht_status;

/* Element types, with TensorFlow's numbers (core/framework/types.proto). */
typedef enum ht_dtype {
  HT_INVALID = 0,
  HT_FLOAT = 1,
  HT_DOUBLE = 2,
  HT_INT32 = 3,
  HT_UINT8 = 4,
  HT_INT16 = 5,
  HT_INT8 = 6,
  HT_STRING = 7,
  HT_COMPLEX64 = 8,
  HT_INT64 = 9,
  HT_BOOL = 10,
  HT_BFLOAT16 = 14,
  HT_UINT16 = 17,
  HT_COMPLEX128 = 18,
  HT_HALF = 19,
  HT_RESOURCE = 20,
  HT_VARIANT = 21,
  HT_UINT32 = 22,
  HT_UINT64 = 23
} ht_dtype;

/* "float", "int64", "string" ... */
HT_API const char *ht_dtype_text(ht_dtype dtype);

/* How many bytes the tensors of this process may take, 0: no limit. What
 * needs more fails with HT_NO_MEMORY; weights that lie in files do not count
 * until they are changed. */
HT_API void ht_memory_limit(size_t bytes);

/* For a program that computes with nothing else: ends the threads of
 * OpenBLAS, which take up cores for a tenth of a second after it is loaded.
 * They come again where something asks for them. Call it first in main. */
HT_API void ht_take_process(void);

/* ---- arrays
 *
 * An array is what numpy means by it: a dtype, a shape, elements in row-major
 * order. Who gets one from a function that makes it frees it.
 */
typedef struct ht_array ht_array;

/* A new array of zeros (of empty strings); rank 0 is a scalar, at most 8. */
HT_API ht_status ht_array_new(ht_dtype dtype, int rank, const int64_t *dim,
                              ht_array **out);
/* A copy of `data`: elements of the dtype; for HT_STRING, const char *. */
HT_API ht_status ht_array_from(ht_dtype dtype, int rank, const int64_t *dim,
                               const void *data, ht_array **out);
HT_API void ht_array_free(ht_array *a); /* NULL is fine */

HT_API ht_dtype ht_array_dtype(const ht_array *a);
HT_API int ht_array_rank(const ht_array *a);
HT_API int64_t ht_array_dim(const ht_array *a, int axis);
HT_API int64_t ht_array_count(const ht_array *a); /* elements */
/* The elements, to be read; NULL for strings. */
HT_API const void *ht_array_data(const ht_array *a);
/* The elements, to be written; NULL for strings or without memory. */
HT_API void *ht_array_edit(ht_array *a);
/* Element i of an array of real numbers, integers or booleans. */
HT_API double ht_array_number(const ht_array *a, int64_t i);
/* Element i of a string array: *n bytes that live as long as the array, not
 * ended by a NUL. */
HT_API const char *ht_array_string(const ht_array *a, int64_t i, size_t *n);
HT_API ht_status ht_array_set_string(ht_array *a, int64_t i, const char *p,
                                     size_t n);
/* The array as numpy prints it, long ones shortened; freed by free(). */
HT_API ht_status ht_array_print(const ht_array *a, char **text);

/* Reads and writes .npy, as numpy writes it (without pickle). */
HT_API ht_status ht_array_read(const char *path, ht_array **out);
HT_API ht_status ht_array_write(const ht_array *a, const char *path);

/* A set of named arrays in the order in which they were put. */
typedef struct ht_arrays ht_arrays;

HT_API ht_status ht_arrays_new(ht_arrays **out);
HT_API void ht_arrays_free(ht_arrays *set); /* its arrays too; NULL is fine */
HT_API int ht_arrays_count(const ht_arrays *set);
HT_API const char *ht_arrays_name(const ht_arrays *set, int i);
HT_API const ht_array *ht_arrays_at(const ht_arrays *set, int i);
/* NULL where there is none of that name. */
HT_API const ht_array *ht_arrays_find(const ht_arrays *set, const char *name);
/* Takes over the array, also when it fails; a name is used once. */
HT_API ht_status ht_arrays_put(ht_arrays *set, const char *name,
                               ht_array *array);
/* Reads .npz, and writes it whole or not at all. */
HT_API ht_status ht_arrays_read(const char *path, ht_arrays **out);
HT_API ht_status ht_arrays_write(const ht_arrays *set, const char *path);

/* Is told that `done` bytes of `total` (0: not known) are "read" or "written";
 * false stops, with HT_STOPPED, and leaves nothing half-written. */
typedef bool ht_bytes_fn(void *arg, const char *what, int64_t done,
                         int64_t total);
/* Who is told of the calling thread's word vectors and checkpoints. */
HT_API void ht_watch_bytes(ht_bytes_fn *tell, void *arg);
/* ---- modules */

/* An open module. One thread at a time. */
typedef struct ht_module ht_module;

typedef struct ht_module_options {
  const char *tags;       /* "a,b"; "": the empty set; NULL: the usual graph */
  int threads;            /* 0: all cores */
  int64_t max_turns;      /* of a loop in a call; 0: 100 million */
  const char *preprocess; /* the handle of a module that reads the raw input
                             and feeds this one by equal names; NULL: none.
                             Both are called as one. */
} ht_module_options;
HT_API ht_module_options ht_module_defaults(void);

/* Opens a TF1 Hub module, a TF1 SavedModel or a TF2 SavedModel by its handle,
 * which ht_fetch explains. options NULL: the defaults. */
HT_API ht_status ht_module_open(const char *handle,
                                const ht_module_options *options,
                                ht_module **out);
HT_API void ht_module_free(ht_module *module); /* after its functions */

/*
 * Gives all variables of a module the values of a checkpoint: the prefix of one
 * written by tf.train.Saver or tf.train.Checkpoint, its .index, or a folder
 * whose file `checkpoint` names the latest. A variable is looked for under its
 * name, in which each map, "REGEX=REPLACEMENT" in the syntax of RE2, rewrites
 * the first match in turn (\1: a group). Fails where one is missing or has
 * another dtype or shape; the module is of no use then.
 */
HT_API ht_status ht_module_assign(ht_module *module, const char *checkpoint,
                                  int n_maps, const char *const *maps);

/* Writes a module with the values that its variables have now, also after
 * a training in nets: all of it in its own format, its signatures and
 * `__call__` in the other one. `out` may not exist. */
HT_API ht_status ht_module_export(ht_module *module, const char *out,
                                  bool hub1);

/* A named input or output. A rank or dimension of -1 is not fixed. */
typedef struct ht_port_info {
  const char *name;
  ht_dtype dtype;
  int rank;
  const int64_t *dim;
} ht_port_info;

/* A signature, or one trace of a callable of the object graph. */
typedef struct ht_callable_info {
  const char *name;   /* "serving_default", "__call__", "encoder.encode" */
  const char *method; /* the signature's method name, "" */
  bool signature;
  int training;    /* 1, 0; -1: does not depend on it */
  int n_arguments; /* Python values the trace was made for */
  const char *const *argument, *const *value; /* "training", "True" */
  int n_inputs, n_outputs;
  const ht_port_info *input, *output;
} ht_callable_info;

typedef struct ht_variable_info {
  const char *key; /* in the checkpoint, without its usual ending */
  const char *name;
  ht_dtype dtype;
  int rank;
  const int64_t *dim;
  bool trainable;
  uint64_t bytes;
  int n_parts; /* variables that it is kept in; more than 1: partitioned */
} ht_variable_info;

/* A lookup table. */
typedef struct ht_table_info {
  const char *name;
  ht_dtype key, value;
  int64_t entries;
} ht_table_info;

/* An operation that the module needs and hubtune lacks. */
typedef struct ht_missing_info {
  const char *op, *node, *function; /* function "": the main graph */
} ht_missing_info;

/* What a module is. Lives as long as the module. */
typedef struct ht_module_info {
  const char *folder;
  const char *format;     /* "TF1 Hub", "TF1 SavedModel", "TF2 SavedModel" */
  const char *tf_version; /* that wrote it, "" where it does not say */
  int n_tag_sets;
  const char *const *tag_set; /* "serve"; "a,b"; "" */
  int chosen;                 /* the tag set that is open */
  int n_callables, n_variables, n_assets, n_attachments;
  const ht_callable_info *callable; /* signatures first */
  const ht_variable_info *variable; /* by key */
  const char *const *asset, *const *attachment;
  int n_regularization_losses;
  int n_tables;
  const ht_table_info *table;
  /* The common interfaces of TensorFlow Hub that it has: "text feature vector",
   * "image classification" ... (`hubtune inspect --help` lists them). */
  int n_interfaces;
  const char *const *interface;
} ht_module_info;
HT_API ht_status ht_module_inspect(ht_module *module,
                                   const ht_module_info **out);

/* The operations missing for running (gradients false) or differentiating
 * any signature or callable; lives as long as the module. */
HT_API ht_status ht_module_missing(ht_module *module, bool gradients,
                                   const ht_missing_info **missing, int *n);

/* The current value of a variable by its key or name. */
HT_API ht_status ht_module_variable(ht_module *module, const char *name,
                                    ht_array **out);

/* ---- calls */

/* Which part of a module is called. Zeroed: signature `default`, then
 * `serving_default`, then `__call__`. */
typedef struct ht_choice {
  const char *signature;
  const char *call; /* a callable of the object graph; "": __call__ */
  bool training;    /* its training variant */
  int n_arguments;  /* "NAME=VALUE": Python values that choose the trace */
  const char *const *argument, *output; /* a tensor within, one output more */
  int n_feeds, n_fetches; /* instead of the above: any tensors "node:0" */
  const char *const *feed, *const *fetch;
} ht_choice;

/* A chosen signature, trace or cut, ready to run. */
typedef struct ht_function ht_function;

/* `inputs` (may be NULL) are names that will be fed: they help to choose
 * between traces. The function may not outlive its module. */
HT_API ht_status ht_function_open(ht_module *module, const ht_choice *choice,
                                  const ht_arrays *inputs, ht_function **out);
HT_API void ht_function_free(ht_function *function); /* NULL is fine */
HT_API ht_status ht_function_info(ht_function *function,
                                  const ht_callable_info **out);

/* Makes an array that the named input takes from text: words of an array
 * separated by commas for numbers, one string for strings; the path of a
 * file for an input of images, which is decoded, resized to what the input
 * wants and brought to 0 .. 1 (bytes: 0 .. 255). */
HT_API ht_status ht_function_parse(ht_function *function, const char *input,
                                   const char *text, ht_array **out);

/* Runs it: every input by name (see `hubtune run --help` for names); all
 * outputs come back. */
HT_API ht_status ht_function_run(ht_function *function, const ht_arrays *inputs,
                                 ht_arrays **outputs);

/*
 * Runs it and differentiates: for every trainable variable v, d/dv of the sum
 * over float outputs of sum(output * cotangent), by checkpoint key. Without
 * cotangents (NULL) every float output counts with 1, else those named.
 * outputs may be NULL.
 */
HT_API ht_status ht_function_gradients(ht_function *function,
                                       const ht_arrays *inputs,
                                       const ht_arrays *cotangents,
                                       ht_arrays **outputs,
                                       ht_arrays **gradients);

typedef struct ht_plan_op {
  const char *name; /* "Conv2D+Relu6": several in one */
  int n;
} ht_plan_op;

/* How a function is run: its steps, known constants computed and neighbours
 * fused, by kind, most frequent first; and bytes: of all weights, and of all
 * other tensors at the worst moment of a call, and of a call and its
 * gradients (buffers are used again as soon as they are free). */
typedef struct ht_plan_info {
  int64_t batch;
  int n_steps, n_ops;
  const ht_plan_op *op; /* lives as long as the function */
  uint64_t weights, run_peak, train_peak;
} ht_plan_info;
/* Memory is found by trying a few rows of zeros and counting on. Fails where
 * an input has a size that is not fixed, the first one aside. */
HT_API ht_status ht_function_plan(ht_function *function, int64_t batch,
                                  ht_plan_info *out);

/*
 * The outputs for every example of a data set, in its order, into a file: the
 * extension says which kind (.h5, .npz, .csv, .jsonl; "-": lines of JSON on
 * standard output). Data are read as for training, columns chosen alike.
 */
typedef struct ht_embed_options {
  ht_choice choice;         /* with feeds: those that `input` gives, too */
  const char *output;       /* only this one; NULL: all */
  const char *text, *image; /* columns */
  const char *image_size, *image_range, *image_resize; /* as for training */
  int n_inputs;
  const char *const *input;   /* "NAME=COLUMN" */
  const ht_arrays *constants; /* inputs that are the same in every batch */
  int batch;                  /* examples at a time; 0: 64 */
  bool (*tell)(void *arg, int64_t done, int64_t n); /* false stops */
  void *arg;
} ht_embed_options;
HT_API ht_status ht_module_embed(ht_module *module,
                                 const ht_embed_options *options,
                                 const char *data, const char *path);

/* ---- handles and the cache
 *
 * A handle is a folder, an archive (.tar, also compressed), "file://" with
 * either, an "https://" or "http://" address as tensorflow_hub takes it, or
 * an archive in a public bucket, "gs://....tar.gz". What is downloaded or
 * unpacked stays in the cache: $TFHUB_CACHE_DIR, else
 * $XDG_CACHE_HOME/hubtune/modules, else ~/.cache/hubtune/modules. A folder
 * there has the name and the descriptor that tensorflow_hub gives it.
 */

typedef enum ht_fetch_step {
  HT_FETCH_DOWNLOAD, /* done of total bytes (0: not known); text: address */
  HT_FETCH_WAIT,     /* another process is at it; text: who */
  HT_FETCH_RETRY,    /* try `done` of `total` failed; text: why */
  HT_FETCH_UNPACK    /* done bytes were written */
} ht_fetch_step;

typedef struct ht_fetch_news {
  ht_fetch_step step;
  int64_t done, total;
  const char *text;
} ht_fetch_news;

/* Is told now and then; false stops. */
typedef bool ht_fetch_fn(void *arg, const ht_fetch_news *news);

typedef struct ht_fetch_options {
  bool offline;        /* take only what is there ($HUBTUNE_OFFLINE) */
  bool insecure;       /* no certificates ($TFHUB_DISABLE_CERT_VALIDATION) */
  const char *sha256;  /* of the archive, hex; NULL: any */
  const char *ca_file; /* NULL: $CURL_CA_BUNDLE, $SSL_CERT_FILE, the system's */
  const char *proxy;   /* NULL: $https_proxy and the like */
  double max_seconds;  /* in all; 0: no limit */
  double stall_seconds; /* without a byte */
  int64_t max_bytes;    /* of the archive, and unpacked */
  int retries;          /* after failures that may pass */
  ht_fetch_fn *tell;    /* may be NULL */
  void *arg;
} ht_fetch_options;
HT_API ht_fetch_options ht_fetch_defaults(void); /* from the environment */

/* The folder of a handle, from the cache where it is there whole; freed by
 * free(). options NULL: the defaults. */
HT_API ht_status ht_fetch(const char *handle, const ht_fetch_options *options,
                          char **folder);

/* What the cache keeps. */
typedef struct ht_cache_entry {
  const char *handle; /* where it came from; "?": nobody wrote it down */
  const char *folder;
  uint64_t bytes;
  int64_t seconds;    /* since it came */
  const char *broken; /* what is wrong with it; NULL: nothing, or not looked */
} ht_cache_entry;

/* Calls `tell` for each, with all its bytes verified where asked for; false
 * stops. */
typedef bool ht_cache_fn(void *arg, const ht_cache_entry *entry);
HT_API ht_status ht_cache_each(bool verify, ht_cache_fn *tell, void *arg);
/* Removes what came from a handle, NULL: from all, and nothing else that
 * stands in that folder. What is being downloaded stays. */
HT_API ht_status ht_cache_clear(const char *handle);

/* ---- training
 *
 * A training is a set of settings, named as the options of `hubtune train`
 * ("module", "data", "lr" ...), and the folder that it fills.
 */
typedef struct ht_training ht_training;

HT_API ht_status ht_training_new(ht_training **out);
HT_API void ht_training_free(ht_training *training); /* NULL is fine */
/* Sets one from text; a flag from NULL. A list grows with every call, and is
 * emptied by NULL. */
HT_API ht_status ht_training_set(ht_training *training, const char *name,
                                 const char *value);
/* How many threads it computes with; 0: all cores. */
HT_API ht_status ht_training_threads(ht_training *training, int threads);
/* The value of one as text, the caller's to free: empty where it is not set,
 * "true" or "false" of a flag, items of a list with ',' between. */
HT_API ht_status ht_training_get(const ht_training *training, const char *name,
                                 char **value);
/* Takes all settings from a JSON object: the config.json of a run, or what
 * ht_training_decide gave. A name or value that is wrong is told with its
 * line. */
HT_API ht_status ht_training_read(ht_training *training, const char *path);
/* The default of a setting as text; NULL where there is none. */
HT_API const char *ht_training_default(const char *name);

typedef enum ht_news_type {
  HT_NEWS_NOTE, /* `text` should be known */
  HT_NEWS_STEP,
  HT_NEWS_EPOCH,
  HT_NEWS_SAVED, /* a checkpoint, in `text` */
  HT_NEWS_TEST   /* loss and metrics on the test data, at the end */
} ht_news_type;

typedef struct ht_news {
  ht_news_type type;
  int64_t step, n_steps, epoch; /* n_steps: of the whole training; from 1 */
  double loss, lr;
  double seconds, examples_per_second; /* of the epoch */
  int n_metrics; /* on the validation data after an epoch, on the test data */
  const char *const *metric;
  const double *value;
  const char *text, *best_metric; /* NULL: no best epoch yet */
  double best; /* of that metric, of the best epoch before this step */
} ht_news;

/* Is told of everything; false asks to save and stop. */
typedef bool ht_news_fn(void *arg, const ht_news *news);

/* Trains, and writes the run with its model. HT_STOPPED where `tell` (may be
 * NULL) asked to stop; resumed by the setting "resume". */
HT_API ht_status ht_training_run(ht_training *training, ht_news_fn *tell,
                                 void *arg);

/* What ht_training_run would do, without doing it: tells the decisions (`tell`
 * may be NULL), and gives all settings with everything decided that was left
 * open, as a JSON object that ht_training_read takes; the caller's to free. */
HT_API ht_status ht_training_decide(ht_training *training, ht_news_fn *tell,
                                    void *arg, char **json);

/* What a training made: the module with its best weights, and the head. */
typedef struct ht_result ht_result;

HT_API ht_status ht_result_open(const char *run, ht_result **out);
HT_API void ht_result_free(ht_result *result); /* NULL is fine */
/* How many threads it computes with; 0: all cores. */
HT_API void ht_result_threads(ht_result *result, int threads);
/* Is told in a line what was skipped, such as a broken image. */
typedef void ht_notice_fn(void *arg, const char *text);
HT_API void ht_result_notice(ht_result *result, ht_notice_fn *notice,
                             void *arg);
/* Names of the classes; none for regression. */
HT_API int ht_result_classes(const ht_result *result);
HT_API const char *ht_result_class(const ht_result *result, int i);

typedef struct ht_class_metrics {
  const char *name;
  int64_t n; /* examples of it */
  double precision, recall, f1;
} ht_class_metrics;

typedef struct ht_metrics {
  int64_t n;
  double loss;
  int n_values;
  const char *const *name; /* "accuracy", ... */
  const double *value;
  int n_classes; /* 0 for regression */
  const ht_class_metrics *class_metrics;
  const int64_t *confusion; /* [right][answered]; NULL where there is none */
} ht_metrics;

/* Metrics on labelled data; live until the next call or the result's end. */
HT_API ht_status ht_result_evaluate(ht_result *result, const char *data,
                                    const ht_metrics **out);

/* Answers for every example of a file in order: n scores of one example at a
 * time, none (n 0) for a broken image; false stops. "-" is standard input: a
 * line is an example, a text or the path of an image, answered before more
 * input is waited for. */
typedef bool ht_scores_fn(void *arg, const float *score, int n);
HT_API ht_status ht_result_predict(ht_result *result, const char *data,
                                   ht_scores_fn *tell, void *arg);

/* While answers are told: the path of the image that they are of; NULL where
 * examples have none. */
HT_API const char *ht_result_path(const ht_result *result);

/* Whether the tuned module is in the TF1 Hub format: alone it is whole only
 * there, since a SavedModel has no place for its variants. */
HT_API bool ht_result_is_hub1(const ht_result *result);

/* Writes the model, or (module_only) the tuned module alone, as a SavedModel or
 * in the TF1 Hub format; not where assertions failed, nor over an `out`. */
HT_API ht_status ht_result_export(ht_result *result, const char *out,
                                  bool module_only, bool hub1);

/*
 * The same into FOLDER/SECONDS, where the time of writing has ten digits, as
 * tensorflow_hub's LatestModuleExporter does: it appears whole, and of the
 * folders with such names only the newest `keep` (at least 1) stay. Several
 * may write at once. *path, the new folder, is the caller's to free.
 */
HT_API ht_status ht_result_export_latest(ht_result *result, const char *folder,
                                         bool module_only, bool hub1, int keep,
                                         char **path);

/* Writes RUN/report.html, as every training does at its end. */
HT_API ht_status ht_result_report(ht_result *result, const char *run);

/* ---- data sets */

typedef struct ht_data_check_options {
  const char *text, *label; /* columns; NULL: found by name */
  const char *test;         /* another data set that is held against it */
  ht_notice_fn *notice;     /* is told of bad records, an odd encoding ... */
  void *arg;
} ht_data_check_options;

/* What a data set is and what is wrong with it: columns, classes, lengths,
 * empty and repeated examples, one text under two labels, and how much of the
 * test data is in it; as lines or as a JSON object, the caller's to free.
 * "-" is standard input. options NULL: nothing is said. */
HT_API ht_status ht_data_check(const char *data,
                               const ht_data_check_options *options, bool json,
                               char **report);

/* ---- new modules */

typedef struct ht_new_text_options {
  const char *embeddings; /* a file of words and vectors; NULL: texts */
  const char *texts;  /* data: where the words come from, with random vectors */
  const char *column; /* of it; NULL: "text" or the only one */
  int dim;            /* of the vectors; that of the file where there is one */
  int64_t min_count;  /* texts: a word occurs so often */
  int64_t max_words;  /* the first or most frequent ones; 0: all */
  double stddev;      /* of the random vectors */
  int64_t seed;
  int64_t oov;             /* buckets of unknown words; 0: passed over */
  const char *combiner;    /* "sqrtn", "mean", "sum" */
  const char *punctuation; /* "keep", "strip", "split": each sign a word */
  const char *split;       /* at "white" space, "space", "each-space" */
  int ngrams;              /* runs of up to so many words are words, too */
  const char *subwords;    /* "3-6": so are parts of 3 to 6 characters; NULL */
  bool lowercase;
  bool mask_digits;              /* every digit is read as 0 */
  bool tokens;                   /* single words in, their vectors out */
  bool trainable, hub1, doubles; /* doubles: vectors of them */
} ht_new_text_options;
HT_API ht_new_text_options ht_new_text_defaults(void);
/* Writes a text embedding module; *words: how many it knows. */
HT_API ht_status ht_new_text(const ht_new_text_options *options,
                             const char *out, int64_t *words);

/* ---- operations */

typedef struct ht_op_info {
  const char *name, *doc;
  const char *inputs, *outputs,
      *attrs;    /* the interface, as hubtune ops shows */
  bool gradient; /* has one; false: none, or zero as in TensorFlow */
} ht_op_info;

/* Operation i of the table, by name, 0 <= i < the number returned by
 * ht_op_count. */
HT_API int ht_op_count(void);
HT_API ht_op_info ht_op_at(int i);

#ifdef __cplusplus
}
#endif

#include <hubtune_build.h>

#endif
