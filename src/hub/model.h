/*
 * model.h - a loaded module: TF1 Hub, TF1 SavedModel and TF2 SavedModel
 * behind one face. Everything above src/hub knows only this.
 */
#ifndef HT_HUB_MODEL_H
#define HT_HUB_MODEL_H

#include "graph/plan.h"

typedef enum ht_format {
  HT_FORMAT_HUB1, /* TF1 Hub: tfhub_module.pb */
  HT_FORMAT_SM1,  /* TF1 SavedModel */
  HT_FORMAT_SM2   /* TF2 SavedModel: one meta graph with an object graph */
} ht_format;

/* One dense tensor of an interface. Sparse and ragged values are their parts:
 * x_indices, x_values, x_dense_shape; x_component_0, ... (cli.md, run). */
typedef struct ht_port {
  const char *name;   /* "images", "inputs/input_mask", "default" */
  const char *tensor; /* "node:0" of the main graph, NULL for functions */
  ht_dtype dtype;
  ht_shape shape; /* -1 unknown; rank -1 unknown */
  int index;      /* among the body's arguments or returns */
} ht_port;

/* A Python value that a trace was made for: training=True, mask=None. */
typedef struct ht_bound_argument {
  const char *name,
      *value; /* value as Python prints it: True, None, 0.5, 'a' */
  bool usual; /* the function's default for it */
} ht_bound_argument;

/*
 * One way to call a module: a signature, or one trace of a callable. All
 * traces of a callable have its name.
 */
typedef struct ht_callable {
  const char *name;     /* "default", "serving_default", "__call__", "a.b" */
  bool signature;       /* else a callable of the object graph */
  const char *function; /* concrete function's name, NULL: in the main graph */
  const char *method_name; /* of the SignatureDef; "" */
  int training;            /* 1, 0, or -1: the trace does not depend on it */
  ht_bound_argument *bound;
  int n_bound;
  ht_port *input, *output;
  int n_inputs, n_outputs;
  ht_body body;       /* graph NULL until ht_model_prepare, for functions */
  ht_tensor *capture; /* per argument of the body, HT_INVALID: explicit */
} ht_callable;

typedef struct ht_asset {
  const char *tensor;   /* "node:0" of the main graph */
  const char *filename; /* relative to assets/ */
  const char *path;     /* in the folder */
} ht_asset;

/* A piece of a partitioned TF1 variable: which part of the tensor of its key
 * it is. The variable's own `key` is its name then. */
typedef struct ht_variable_part {
  ht_variable *variable;
  const char *key; /* of the whole, in the checkpoint */
  ht_shape whole;
  int64_t start[HT_MAX_RANK];
} ht_variable_part;

typedef struct ht_attachment {
  const char *key;
  ht_string value; /* a serialised message */
} ht_attachment;

typedef struct ht_model ht_model;

/* A module that a joined model consists of (join.h). */
typedef struct ht_member {
  ht_model *model;
  const char *scope; /* "text/": its state in the joined model */
  bool own;          /* freed with it */
  bool prepares;     /* for another member, never called by itself */
  ht_model *first;   /* what prepares its inputs, NULL: nothing */
} ht_member;

/* The tags of each meta graph, one string with "," between. */
struct ht_model {
  ht_arena arena;
  char *folder; /* local */
  ht_format format;
  const char **tag_sets;
  int n_tag_sets, chosen; /* which meta graph this is */
  const char *tf_version;
  ht_graph *graph; /* the main graph */
  ht_library library;
  ht_store store;
  ht_callable *callable;
  int n_callables, callable_capacity;
  ht_body *regularization; /* each without arguments, one float scalar */
  const ht_tensor **regularization_capture;
  int n_regularization;
  int *update_op; /* TF1: nodes of collection update_ops */
  int n_update_ops;
  ht_asset *asset;
  int n_assets;
  ht_variable_part *part;
  int n_parts, part_capacity;
  ht_attachment *attachment;
  int n_attachments;
  ht_pool *pool;
  void *proto;              /* the unpacked SavedModel, for hub/export */
  void *bundle;             /* the open checkpoint the values are mapped from */
  struct ht_source *source; /* for src/hub */
  ht_member *member;        /* none: it is a module itself */
  int n_members, member_capacity;
  int n_owners;      /* models that it is a member of */
  ht_model *variant; /* other graphs that were opened, one after the
                        other; each is owned by the one before */
};

/*
 * Opens the module in a folder or a .tar.gz (handle.h). `tags`: NULL chooses
 * (TF1 Hub: the empty set; else "serve", else the only one), "" is the empty
 * set, else names separated by commas. Values are mapped, their checksums
 * verified; tables are filled. Ops that are missing are no failure here.
 */
ht_status ht_model_open(const char *handle, const char *tags,
                        ht_model **out) HT_MUST_CHECK;
void ht_model_free(ht_model *model);

/* Whether there is a meta graph with exactly these tags. */
bool ht_model_has_tags(const ht_model *model, const char *tags);

/*
 * Opens another meta graph of a TF1 module over the same state: variables
 * and tables are the same objects, found in the store of either; those that
 * only the other graph has are added to the model's. A variable that trains
 * in one graph is trainable. *out lives in `model`, and asking again gives
 * the same one.
 */
ht_status ht_model_open_variant(ht_model *model, const char *tags,
                                ht_model **out) HT_MUST_CHECK;

/*
 * Imports the function behind a callable of this model and makes its captures
 * (tables are filled on that way), so that body and capture may be used.
 * ht_model_choose does so by itself.
 */
ht_status ht_model_prepare(ht_model *model,
                           const ht_callable *callable) HT_MUST_CHECK;

/* The variables that the object at a path of a TF2 SavedModel ("": the root)
 * holds in an attribute, "trainable_variables", in its order; *n -1: there is
 * no such object or list. */
ht_status ht_model_listed(const ht_model *model, const char *object,
                          const char *list, ht_arena *arena, ht_variable ***out,
                          int *n) HT_MUST_CHECK;

/* Height and width of images that the module says (ImageModuleInfo) it
 * expects; false where it does not. */
bool ht_model_image_size(const ht_model *model, int64_t size[2]);

/* What to call, see cli.md: by name or by default; arguments choose a trace,
 * and so do the names of inputs where traces differ in them. */
typedef struct ht_call_choice {
  const char *signature; /* NULL: not asked for */
  const char *call;      /* NULL: not asked for; "" is __call__ */
  int training;          /* 1 training, 0 inference */
  const ht_bound_argument *argument;
  int n_arguments;
  const char *const *input; /* names that will be fed, may be none */
  int n_inputs;
  const char *output; /* wanted of it, a tensor within where it is no output of
                         the callable (inner.h); NULL: none in particular */
} ht_call_choice;
ht_status ht_model_choose(ht_model *model, const ht_call_choice *choice,
                          const ht_callable **out) HT_MUST_CHECK;

/* Whether a TF2 module has a __call__ for training, which signatures have not:
 * then training calls that, as hub.KerasLayer does. */
bool ht_model_trains_by_call(const ht_model *m);

/* What ht_model_choose does with arguments that are inputs of the callable:
 * a callable of its own, in which they have that value at every call. Values
 * are scalars. Fails where a name is neither an input nor chose the trace. */
ht_status ht_callable_bind(ht_model *model, const ht_call_choice *choice,
                           const ht_callable **callable) HT_MUST_CHECK;

/* Makes a signature of its own from tensors of the main graph
 * (--feed, --fetch). Lives in the model. */
ht_status ht_model_cut(ht_model *model, int n_feeds, const char *const *feeds,
                       int n_fetches, const char *const *fetches,
                       const ht_callable **out) HT_MUST_CHECK;

/* What a training application of a callable runs: its body and, of a TF1
 * graph, the update operations, save those that depend on the inputs of other
 * signatures. */
ht_status ht_model_training_body(const ht_model *m, const ht_callable *call,
                                 ht_arena *arena,
                                 const ht_body **out) HT_MUST_CHECK;

/* An input or output by its full name or the unique last part of its path;
 * for inputs NULL or any name where there is only one. Fails with the names
 * there are. */
ht_status ht_callable_input(const ht_callable *c, const char *name,
                            const ht_port **out) HT_MUST_CHECK;
/* The same, but where there is only one it has to have the name, too. */
ht_status ht_callable_named(const ht_callable *c, const char *name,
                            const ht_port **out) HT_MUST_CHECK;
/* What a TF1 graph takes for an input that is not fed (its
 * PlaceholderWithDefault); NULL: it has to be fed. */
const ht_tensor *ht_port_default(const ht_callable *c, const ht_port *port);
ht_status ht_callable_output(const ht_callable *c, const char *name,
                             const ht_port **out) HT_MUST_CHECK;

/* The inputs of a callable in the order in which they are fed: that of its
 * body's arguments without captures. */
ht_status ht_callable_inputs(const ht_callable *call, ht_arena *arena,
                             const ht_port ***input, int *n) HT_MUST_CHECK;

/* Whether a value may be fed: dtype and shape, else a message that says what
 * is wanted and what came. */
ht_status ht_port_check(const ht_port *port,
                        const ht_tensor *value) HT_MUST_CHECK;

#endif
