/* cmd_fetch.c - hubtune fetch: the folder of a handle. */
#include <math.h>
#include <stdlib.h>

#include "cli/fetching.h"

typedef struct settings {
  const char *sha256, *ca_file, *proxy;
  bool insecure;
  int64_t retries, max_bytes;
  double max_seconds, stall_seconds;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"sha256", "HEX", "what the archive's SHA-256 has to be", OPTION_TEXT,
     AT(sha256)},
    {"retries", "N", "tries after failures that may pass", OPTION_INT,
     AT(retries), .low = 0, .high = 1000},
    {"stall-time", "S", "give up after as many seconds without a byte",
     OPTION_REAL, AT(stall_seconds), .low = 0.1, .high = 86400},
    {"max-time", "S", "give up after as many seconds in all", OPTION_REAL,
     AT(max_seconds), .low = 0.1, .high = 1e9},
    {"max-size", "BYTES", "refuse what is larger, also unpacked", OPTION_INT,
     AT(max_bytes), .low = 1, .high = 1e18},
    {"ca-file", "F.pem", "trust these certificates instead of the system's",
     OPTION_TEXT, AT(ca_file)},
    {"proxy", "URL", "ask by way of it", OPTION_TEXT, AT(proxy)},
    {"insecure", NULL, "check no certificates", OPTION_FLAG, AT(insecure)},
    {0}};
#undef AT

static void set_defaults(void *p) {
  ht_fetch_options usual = ht_fetch_defaults();
  *(settings *)p = (settings){.retries = usual.retries,
                              .max_bytes = usual.max_bytes,
                              .max_seconds = NAN,
                              .stall_seconds = usual.stall_seconds};
}

static ht_fetch_options chosen(const settings *s) {
  ht_fetch_options o = ht_fetch_defaults();
  o.sha256 = s->sha256;
  o.ca_file = s->ca_file;
  o.proxy = s->proxy;
  o.insecure |= s->insecure;
  o.retries = (int)s->retries;
  o.max_bytes = s->max_bytes;
  o.stall_seconds = s->stall_seconds;
  o.max_seconds = isnan(s->max_seconds) ? 0 : s->max_seconds;
  return o;
}

static int run(const invocation *c) {
  char *folder = NULL;
  ht_fetch_options o = chosen(c->settings);
  signals_subject(c->operand[0]);
  ht_status st = fetch_shown(c, c->operand[0], &o, &folder);
  if (st.code != HT_OK) return failed(st);
  puts(folder);
  free(folder);
  return DONE;
}

const action do_fetch = {
    .text =
        "Prints the folder of a module. What is no folder is downloaded or "
        "unpacked into the cache the first time it is named, here or where any "
        "command takes a HANDLE. A HANDLE is\n"
        "\n"
        "  a folder, or file:///folder\n"
        "  an archive: .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz\n"
        "  an address: https://tfhub.dev/..., https://example.org/m.tar.gz,\n"
        "              https://www.kaggle.com/models/..., gs://bucket/m.tgz\n"
        "  a folder in a public bucket: gs://bucket/folder\n"
        "\n"
        "The cache is $TFHUB_CACHE_DIR, which may be shared with Python's "
        "tensorflow_hub, else $XDG_CACHE_HOME/hubtune/modules, else "
        "~/.cache/hubtune/modules. A module there is looked at before it is "
        "used, and fetched again where files are missing.\n"
        "\n"
        "TFHUB_DOWNLOAD_PROGRESS, TFHUB_DISABLE_CERT_VALIDATION (true) and "
        "TFHUB_MODEL_LOAD_FORMAT mean what they mean to tensorflow_hub; "
        "STORAGE_EMULATOR_HOST stands in for storage.googleapis.com; "
        "HUBTUNE_OFFLINE=1 is --offline; https_proxy, no_proxy, CURL_CA_BUNDLE "
        "and SSL_CERT_FILE are those of curl. Where Kaggle refuses a stranger, "
        "it is asked again with KAGGLE_API_TOKEN, KAGGLE_USERNAME and "
        "KAGGLE_KEY, or kaggle.json.\n\n"
        "Example:\n"
        "  hubtune fetch https://tfhub.dev/google/nnlm-en-dim50/2",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .set_defaults = set_defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
