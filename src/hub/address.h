/*
 * address.h - what is asked for on the network for a handle, as
 * tensorflow_hub asks (compressed_module_resolver.py of 0.15).
 */
#ifndef HT_HUB_ADDRESS_H
#define HT_HUB_ADDRESS_H

#include "base/arena.h"
#include "base/text.h"

/* Whether a handle is fetched: "http://", "https://", or in a public bucket,
 * "gs://". */
bool ht_address_is(const char *handle);

/* Whether it is a folder in a bucket, not an archive there. */
bool ht_address_is_folder(const char *handle);

/* Where buckets are: $STORAGE_EMULATOR_HOST, as Google's libraries have it,
 * or storage.googleapis.com; NULL: no memory. */
const char *ht_address_storage(ht_arena *arena);

/* Adds a part of an address, all bytes but letters, digits, "_.-~" and those
 * of `keep` as "%XX". */
void ht_address_encode(ht_text *out, const char *s, const char *keep);

/* An address that was put together; frees the text. */
ht_status ht_address_finish(ht_text *text, ht_arena *arena,
                            char **url) HT_MUST_CHECK;

/* The address of a handle's archive; with `format` "uncompressed" the one that
 * is asked for the bucket where its files lie. */
ht_status ht_address_request(const char *handle, const char *format,
                             ht_arena *arena, char **url) HT_MUST_CHECK;

/* Where Kaggle's public API has the archive of one of its model addresses
 * (owner/model/framework/variation/version); NULL: it is none. */
ht_status ht_address_kaggle(const char *handle, ht_arena *arena,
                            char **url) HT_MUST_CHECK;

/* Without name, password and query, which may hold secrets. */
char *ht_address_shown(const char *url, ht_arena *arena);

#endif
