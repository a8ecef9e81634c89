/* op_lookup.c - lookup tables: making, filling, asking. */
#include <limits.h>
#include <stdlib.h>

#include "ops/strings.h"
#include "ops/table.h"

/* ---- handles */

static ht_status handle_out(ht_call *c, ht_object *object) {
  HT_TRY(ht_out(c, 0, HT_RESOURCE, &HT_SCALAR));
  ht_obj(&c->out[0])[0] = ht_object_share(object);
  return HT_SUCCESS;
}

static ht_status table_of(const ht_call *c, ht_table **out) {
  bool handle = c->in[0]->dtype == HT_RESOURCE && ht_count(c->in[0]) == 1;
  ht_object *object = handle ? ht_obj(c->in[0])[0] : NULL;
  *out = (ht_table *)object;
  if (object && object->class == &ht_table_class) return HT_SUCCESS;
  return ht_fail(HT_USAGE, "op '%s' of node '%s' wants a table, found %s",
                 c->op->name, c->node,
                 object ? object->class->name : "no handle of one");
}

static ht_status make(ht_call *c, bool fixed, ht_table **out) {
  const ht_attr *shape = ht_attr_find(c->attrs, "value_shape");
  ht_dtype key = ht_attr_type(c->attrs, "key_dtype");
  ht_dtype value = ht_attr_type(c->attrs, "value_dtype");
  ht_shape one = HT_SCALAR;
  if (shape && shape->kind == HT_ATTR_SHAPE) one = shape->value->shape;
  if (one.rank < 0) one = HT_SCALAR;
  HT_TRY(ht_table_new(key, value, &one, fixed, out));
  if (c->n_in < 2) return HT_SUCCESS;
  ht_status st = ht_need_dtype(c, 0, key);
  if (st.code == HT_OK) st = ht_need_dtype(c, 1, key);
  if (st.code == HT_OK) st = ht_need_scalar(c, 0);
  if (st.code == HT_OK) st = ht_need_scalar(c, 1);
  if (st.code != HT_OK) {
    ht_object_drop(&(*out)->object);
    return st;
  }
  (*out)->empty_key = ht_tensor_share(c->in[0]);
  (*out)->deleted_key = ht_tensor_share(c->in[1]);
  return HT_SUCCESS;
}

static ht_status named(ht_call *c, bool fixed) {
  char name[512];
  ht_table *t;
  ht_string shared = ht_attr_string(c->attrs, "shared_name");
  if (shared.n >= sizeof name)
    return ht_fail(HT_UNSUPPORTED, "the name of a table is too long");
  if (shared.n) memcpy(name, shared.p, shared.n);
  name[shared.n] = 0;
  const char *key = shared.n ? name : c->node;
  ht_object *found = ht_store_find(c->run->store, key);
  if (found && found->class != &ht_table_class)
    return ht_fail(HT_USAGE, "'%s' is a %s and a table", key,
                   found->class->name);
  if (found) return handle_out(c, found);
  HT_TRY(make(c, fixed, &t));
  HT_TRY(ht_store_put(c->run->store, key, &t->object));
  return handle_out(c, &t->object);
}

static ht_status named_fixed(ht_call *c) { return named(c, true); }
static ht_status named_mutable(ht_call *c) { return named(c, false); }

static ht_status anonymous(ht_call *c, bool fixed) {
  ht_table *t;
  HT_TRY(make(c, fixed, &t));
  ht_status st = handle_out(c, &t->object);
  ht_object_drop(&t->object);
  return st;
}

static ht_status anonymous_fixed(ht_call *c) { return anonymous(c, true); }
static ht_status anonymous_mutable(ht_call *c) { return anonymous(c, false); }

/* ---- contents */

static ht_status initialize(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  return ht_table_fill(t, c->in[1], c->in[2]);
}

static ht_status import(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  if (!t->fixed) ht_table_clear(t);
  return ht_table_fill(t, c->in[1], c->in[2]);
}

static ht_status insert(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  return ht_table_insert(t, c->in[1], c->in[2]);
}

static ht_status remove_keys(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  return ht_table_remove(t, c->in[1]);
}

/* The real path of a file, which must lie in the module's folder. */
static ht_status inside(const ht_call *c, ht_string file, char *path) {
  char name[PATH_MAX], folder[PATH_MAX];
  const char *root = c->run->folder;
  if (!root || !realpath(root, folder))
    return ht_fail(HT_IO, "node '%s' reads a file, but there is no folder",
                   c->node);
  bool absolute = file.n && file.p[0] == '/';
  int n = snprintf(name, sizeof name, "%s%s%.*s", absolute ? "" : folder,
                   absolute ? "" : "/", (int)file.n, file.n ? file.p : "");
  if (n < 0 || n >= (int)sizeof name)
    return ht_fail(HT_IO, "the path of a vocabulary is too long");
  if (!realpath(name, path)) return ht_fail_errno("cannot read", name);
  size_t m = strlen(folder);
  if (strncmp(path, folder, m) == 0 && (path[m] == '/' || folder[m - 1] == '/'))
    return HT_SUCCESS;
  return ht_fail(HT_USAGE, "node '%s' may not read '%s': outside the module",
                 c->node, name);
}

static ht_status initialize_from_file(ht_call *c) {
  ht_table *t;
  char path[PATH_MAX];
  ht_string delimiter = ht_attr_string(c->attrs, "delimiter");
  HT_TRY(table_of(c, &t));
  HT_TRY(ht_need_dtype(c, 1, HT_STRING));
  HT_TRY(ht_need_scalar(c, 1));
  if (delimiter.n != 1)
    return ht_fail(HT_USAGE, "op '%s' wants a delimiter of one byte",
                   c->op->name);
  HT_TRY(inside(c, ht_str(c->in[1])[0], path));
  ht_text_columns how = {.key = ht_attr_int(c->attrs, "key_index"),
                         .value = ht_attr_int(c->attrs, "value_index"),
                         .size = ht_attr_int(c->attrs, "vocab_size"),
                         .offset = ht_attr_int(c->attrs, "offset"),
                         .delimiter = delimiter.p[0]};
  return ht_table_fill_file(t, path, &how);
}

static ht_status find(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  return ht_within(
      ht_table_find(t, c->run->pool, c->in[1], c->in[2], &c->out[0]),
      "node '%s'", c->node);
}

static ht_status size(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  HT_TRY(ht_out(c, 0, HT_INT64, &HT_SCALAR));
  ht_i64(&c->out[0])[0] = ht_table_size(t);
  return HT_SUCCESS;
}

static ht_status export(ht_call *c) {
  ht_table *t;
  HT_TRY(table_of(c, &t));
  return ht_table_export(t, c->run->pool, &c->out[0], &c->out[1]);
}

/* ---- rows: most exist in an old form, whose handles are called strings */

#define NAMED                                  \
  "container:string='' shared_name:string='' " \
  "use_node_name_sharing:bool=false "
#define TYPES "key_dtype:type value_dtype:type"
#define DENSE                                                  \
  " value_shape:shape=<shape> initial_num_buckets:int=131072 " \
  "max_load_factor:float=0.8"
#define FILE_ATTRS                                   \
  "key_index:int value_index:int vocab_size:int=-1 " \
  "delimiter:string='\\t' offset:int=0"
#define KEYS "empty_key:key_dtype deleted_key:key_dtype"
#define OLD "table_handle:Ref(string)"
#define NEW "table_handle:resource"

#define FLAGGED(NAME, IN, OUT, ATTRS, DOC, TEST, FN, FLAGS)                 \
  {                                                                         \
    .name = NAME, .inputs = IN, .outputs = OUT, .attrs = ATTRS, .doc = DOC, \
    .samples = TEST, .forward = FN, .gradient = ht_no_gradient,             \
    .flags = HT_OP_STATEFUL | HT_OP_HANDLES | (FLAGS)                       \
  }
#define ROW(NAME, IN, OUT, ATTRS, DOC, TEST, FN) \
  FLAGGED(NAME, IN, OUT, ATTRS, DOC, TEST, FN, 0)
#define READ(NAME, IN, OUT, ATTRS, DOC, TEST, FN) \
  FLAGGED(NAME, IN, OUT, ATTRS, DOC, TEST, FN, HT_OP_READS)

#define MAKES "A table, by its name in the model."
#define MAKES_OWN "A table that only its handles hold."
#define FIXED_TEST "@fixed_tables_keep_what_they_were_filled_with"
#define MUTABLE_TEST "@mutable_tables_change_one_key_at_a_time"
#define FILE_TEST "@vocabulary_files_fill_tables"

const ht_op ht_ops_lookup[] = {
    ROW("AnonymousHashTable", "", NEW, TYPES, MAKES_OWN, FIXED_TEST,
        anonymous_fixed),
    ROW("AnonymousMutableDenseHashTable", KEYS, NEW, TYPES DENSE, MAKES_OWN,
        MUTABLE_TEST, anonymous_mutable),
    ROW("AnonymousMutableHashTable", "", NEW, TYPES, MAKES_OWN, MUTABLE_TEST,
        anonymous_mutable),
    ROW("AnonymousMutableHashTableOfTensors", "", NEW,
        TYPES " value_shape:shape=<shape>", MAKES_OWN, MUTABLE_TEST,
        anonymous_mutable),
    READ("HashTable", "", OLD, NAMED TYPES, MAKES, FIXED_TEST, named_fixed),
    READ("HashTableV2", "", NEW, NAMED TYPES, MAKES, FIXED_TEST, named_fixed),
    ROW("InitializeTable", OLD " keys:Tkey values:Tval", "",
        "Tkey:type Tval:type", "Fills a table.", FIXED_TEST, initialize),
    ROW("InitializeTableFromTextFile", OLD " filename:string", "", FILE_ATTRS,
        "Fills a table with the lines of a file.", FILE_TEST,
        initialize_from_file),
    ROW("InitializeTableFromTextFileV2", NEW " filename:string", "", FILE_ATTRS,
        "Fills a table with the lines of a file.", FILE_TEST,
        initialize_from_file),
    ROW("InitializeTableV2", NEW " keys:Tkey values:Tval", "",
        "Tkey:type Tval:type", "Fills a table.", FIXED_TEST, initialize),
    READ("LookupTableExport", OLD, "keys:Tkeys values:Tvalues",
         "Tkeys:type Tvalues:type", "All keys and values.", MUTABLE_TEST,
         export),
    READ("LookupTableExportV2", NEW, "keys:Tkeys values:Tvalues",
         "Tkeys:type Tvalues:type", "All keys and values.", MUTABLE_TEST,
         export),
    READ("LookupTableFind", OLD " keys:Tin default_value:Tout", "values:Tout",
         "Tin:type Tout:type", "What the keys stand for.", FIXED_TEST, find),
    READ("LookupTableFindV2", NEW " keys:Tin default_value:Tout", "values:Tout",
         "Tin:type Tout:type", "What the keys stand for.", FIXED_TEST, find),
    ROW("LookupTableImport", OLD " keys:Tin values:Tout", "",
        "Tin:type Tout:type", "Replaces all keys and values.", MUTABLE_TEST,
        import),
    ROW("LookupTableImportV2", NEW " keys:Tin values:Tout", "",
        "Tin:type Tout:type", "Replaces all keys and values.", MUTABLE_TEST,
        import),
    ROW("LookupTableInsert", OLD " keys:Tin values:Tout", "",
        "Tin:type Tout:type", "Adds or replaces keys.", MUTABLE_TEST, insert),
    ROW("LookupTableInsertV2", NEW " keys:Tin values:Tout", "",
        "Tin:type Tout:type", "Adds or replaces keys.", MUTABLE_TEST, insert),
    ROW("LookupTableRemoveV2", NEW " keys:Tin", "", "Tin:type", "Forgets keys.",
        MUTABLE_TEST, remove_keys),
    READ("LookupTableSize", OLD, "size:int64", "", "How many keys there are.",
         FIXED_TEST, size),
    READ("LookupTableSizeV2", NEW, "size:int64", "", "How many keys there are.",
         FIXED_TEST, size),
    READ("MutableDenseHashTable", KEYS, OLD, NAMED TYPES DENSE, MAKES,
         MUTABLE_TEST, named_mutable),
    READ("MutableDenseHashTableV2", KEYS, NEW, NAMED TYPES DENSE, MAKES,
         MUTABLE_TEST, named_mutable),
    READ("MutableHashTable", "", OLD, NAMED TYPES, MAKES, MUTABLE_TEST,
         named_mutable),
    ROW("MutableHashTableOfTensors", "", OLD,
        NAMED TYPES " value_shape:shape=<shape>", MAKES, MUTABLE_TEST,
        named_mutable),
    ROW("MutableHashTableOfTensorsV2", "", NEW,
        NAMED TYPES " value_shape:shape=<shape>", MAKES, MUTABLE_TEST,
        named_mutable),
    READ("MutableHashTableV2", "", NEW, NAMED TYPES, MAKES, MUTABLE_TEST,
         named_mutable),
    {0},
};
