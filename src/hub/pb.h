/* pb.h - making TensorFlow's messages in an arena, for the exporters. */
#ifndef HT_HUB_PB_H
#define HT_HUB_PB_H

#include "graph/graph.h"
#include "proto/meta_graph.pb-c.h"

/* p = a new message of the type, from the arena. */
#define HT_PB(p, arena, init) \
  do {                        \
    HT_NEW((p), (arena), 1);  \
    init(p);                  \
  } while (0)

/* Appends to a repeated field of pointers: m->field[m->n_field++] = item. The
 * array doubles; its capacity follows from the count. */
ht_status ht_pb_push_(ht_arena *arena, void ***array, size_t *n,
                      void *item) HT_MUST_CHECK;
#define HT_PB_PUSH(arena, m, field, item) \
  ht_pb_push_((arena), (void ***)&(m)->field, &(m)->n_##field, (item))

ht_status ht_pb_strings(ht_arena *arena, size_t *n, char ***array,
                        const char *s) HT_MUST_CHECK;

/* "a%s" in the arena; NULL never: fails instead. */
ht_status ht_pb_text(ht_arena *arena, char **out, const char *format, ...)
    HT_PRINTF(3, 4) HT_MUST_CHECK;

ht_status ht_pb_shape(ht_arena *arena, const ht_shape *shape,
                      Tensorflow__TensorShapeProto **out) HT_MUST_CHECK;
ht_status ht_pb_tensor(ht_arena *arena, const ht_tensor *t,
                       Tensorflow__TensorProto **out) HT_MUST_CHECK;

/* ---- nodes */

ht_status ht_pb_node(ht_arena *arena, const char *op, const char *name,
                     Tensorflow__NodeDef **out) HT_MUST_CHECK;
ht_status ht_pb_input(ht_arena *arena, Tensorflow__NodeDef *node,
                      const char *input) HT_MUST_CHECK;
ht_status ht_pb_attr(ht_arena *arena, Tensorflow__NodeDef *node,
                     const char *name, const ht_attr *value) HT_MUST_CHECK;
ht_status ht_pb_attr_type(ht_arena *arena, Tensorflow__NodeDef *node,
                          const char *name, ht_dtype type) HT_MUST_CHECK;
ht_status ht_pb_attr_types(ht_arena *arena, Tensorflow__NodeDef *node,
                           const char *name, int n,
                           const ht_dtype *type) HT_MUST_CHECK;
ht_status ht_pb_attr_string(ht_arena *arena, Tensorflow__NodeDef *node,
                            const char *name, const char *value) HT_MUST_CHECK;
ht_status ht_pb_attr_int(ht_arena *arena, Tensorflow__NodeDef *node,
                         const char *name, int64_t value) HT_MUST_CHECK;
ht_status ht_pb_attr_shape(ht_arena *arena, Tensorflow__NodeDef *node,
                           const char *name,
                           const ht_shape *value) HT_MUST_CHECK;
ht_status ht_pb_attr_func(ht_arena *arena, Tensorflow__NodeDef *node,
                          const char *name, const char *function) HT_MUST_CHECK;
/* A Const of that value. */
ht_status ht_pb_const(ht_arena *arena, const char *name, const ht_tensor *value,
                      Tensorflow__NodeDef **out) HT_MUST_CHECK;

/* The bytes of a message, in the arena. */
ht_status ht_pb_pack(ht_arena *arena, const ProtobufCMessage *message,
                     ProtobufCBinaryData *out) HT_MUST_CHECK;
/* Writes a message as a file, whole or not at all. */
ht_status ht_pb_write(const char *path,
                      const ProtobufCMessage *message) HT_MUST_CHECK;

#endif
