/* attachment.c - messages that are attached to a module, and what they say of
 * its images (hub-library: image_module_info). */
#include <string.h>

#include "api/module.h"
#include "format/message.h"
#include "proto/hub.pb-c.h"

ht_status ht_module_attachment(ht_module *module, const char *key,
                               const void **data, size_t *n) {
  const ht_model *m = module->model;
  *data = NULL;
  *n = 0;
  for (int i = 0; i < m->n_attachments; i++) {
    if (strcmp(m->attachment[i].key, key) != 0) continue;
    const char *p = m->attachment[i].value.p;
    *data = p ? p : ""; /* a message that says nothing is there, too */
    *n = m->attachment[i].value.n;
  }
  return HT_SUCCESS;
}

static ht_status attached_size(ht_module *module, int64_t size[2]) {
  const void *data;
  size_t n;
  ProtobufCMessage *message;
  size[0] = size[1] = 0;
  HT_TRY(ht_module_attachment(module, "image_module_info", &data, &n));
  if (!data) return HT_SUCCESS;
  HT_TRY(ht_message_unpack(&tensorflow_hub__image_module_info__descriptor, data,
                           n, "message 'image_module_info'", &module->arena,
                           &message));
  const TensorflowHub__ImageModuleInfo *info =
      (const TensorflowHub__ImageModuleInfo *)message;
  if (!info->default_image_size) return HT_SUCCESS;
  size[0] = info->default_image_size->height;
  size[1] = info->default_image_size->width;
  return HT_SUCCESS;
}

/* The input of images: [n, height, width, channels]. */
static ht_status image_input(ht_module *module, const char *signature,
                             const char *input, const ht_port **out) {
  ht_arena arena = {0};
  ht_choice choice = {.signature = signature ? signature : "default"};
  const ht_callable *c;
  const char *wanted = input ? input : "images";
  ht_status st = ht_choice_find(module->model, &choice, 0, NULL, &arena, &c);
  ht_arena_free(&arena);
  HT_TRY(st);
  *out = NULL;
  for (int i = 0; i < c->n_inputs; i++)
    if (strcmp(c->input[i].name, wanted) == 0) *out = &c->input[i];
  if (!*out)
    return ht_fail(HT_USAGE,
                   "the module is missing input '%s' in signature "
                   "'%s'",
                   wanted, choice.signature);
  return HT_SUCCESS;
}

static ht_status image_dims(const ht_port *port, int first, int last,
                            int64_t *out) {
  char text[HT_SHAPE_TEXT];
  const ht_shape *s = &port->shape;
  for (int i = first; i <= last; i++) {
    if (s->rank != 4 || s->dim[i] < 1)
      return ht_fail(HT_USAGE,
                     "the shape of input '%s' is %s, wanted "
                     "[n,height,width,channels] with known %s",
                     port->name, ht_shape_text(s, text),
                     first == 3 ? "channels" : "height and width");
    out[i - first] = s->dim[i];
  }
  return HT_SUCCESS;
}

ht_status ht_module_image_size(ht_module *module, const char *signature,
                               const char *input, int64_t size[2]) {
  const ht_port *port;
  HT_TRY(attached_size(module, size));
  if (size[0] && size[1]) return HT_SUCCESS;
  HT_TRY(image_input(module, signature, input, &port));
  return image_dims(port, 1, 2, size);
}

ht_status ht_module_image_channels(ht_module *module, const char *signature,
                                   const char *input, int64_t *channels) {
  const ht_port *port;
  *channels = 0;
  HT_TRY(image_input(module, signature, input, &port));
  return image_dims(port, 3, 3, channels);
}
