/*
 * address.h - what is asked for on the network for a handle, as
 * tensorflow_hub asks (compressed_module_resolver.py of 0.15).
 */
#ifndef HT_HUB_ADDRESS_H
#define HT_HUB_ADDRESS_H

#include "base/arena.h"

/* Whether a handle is fetched: "http://", "https://", or an archive in a
 * public bucket, "gs://....tar.gz". */
bool ht_address_is(const char *handle);

/* The address of a handle's archive. */
ht_status ht_address_request(const char *handle, ht_arena *arena,
                             char **url) HT_MUST_CHECK;

/* Where Kaggle's public API has the archive of one of its model addresses
 * (owner/model/framework/variation/version); NULL: it is none. */
ht_status ht_address_kaggle(const char *handle, ht_arena *arena,
                            char **url) HT_MUST_CHECK;

/* Without name, password and query, which may hold secrets. */
char *ht_address_shown(const char *url, ht_arena *arena);

#endif
