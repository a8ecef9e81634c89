/*
 * message.h - unpacking protobuf messages that nobody vouches for.
 *
 * A first pass over the bytes, guided by the message's descriptor, checks the
 * wire format, bounds nesting and adds up what unpacking will take; only then
 * does protobuf-c unpack, into an arena.
 */
#ifndef HT_FORMAT_MESSAGE_H
#define HT_FORMAT_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/*
 * Unpacks n bytes as a message of that descriptor. `what` names the source
 * in failures. Everything lives in the arena: never give the message to
 * protobuf_c_message_free_unpacked. Fails with HT_CORRUPT where the bytes are
 * no such message, nest deeper than protobuf allows (100), hold strings that
 * are not UTF-8, or would unpack to far more memory than messages of their
 * size need.
 */
ht_status ht_message_unpack(const ProtobufCMessageDescriptor *descriptor,
                            const void *data, size_t n, const char *what,
                            ht_arena *arena,
                            ProtobufCMessage **out) HT_MUST_CHECK;

#endif
