/* cmd_new.c - hubtune new: writes a new module. */
#include <string.h>

#include "cli/watching.h"

typedef struct settings {
  const char *embeddings, *texts, *column, *combiner, *punctuation, *split,
      *subwords, *dtype, *format;
  int64_t dim, min_count, max_words, seed, oov, ngrams;
  double stddev;
  bool lowercase, strip_punctuation, mask_digits, tokens, trainable;
} settings;

#define AT(field) .offset = offsetof(settings, field)
static const option options[] = {
    {"embeddings", "FILE",
     "words and vectors: word2vec text or binary, GloVe, fastText .vec; also "
     ".gz",
     OPTION_TEXT, AT(embeddings)},
    {"from-text", "DATA", "take the words from these texts", OPTION_TEXT,
     AT(texts)},
    {"text", "COL", "the column of texts", OPTION_TEXT, AT(column)},
    {"dim", "N", "length of the vectors", OPTION_INT, AT(dim), .low = 1,
     .high = 1e6},
    {"min-count", "N", "leave out words that occur less often", OPTION_INT,
     AT(min_count), .low = 1, .high = 1e12},
    {"max-words", "N",
     "take the most frequent N words, of FILE the first; 0: all", OPTION_INT,
     AT(max_words), .low = 0, .high = 1e12},
    {"ngrams", "N", "runs of up to N words are words of their own", OPTION_INT,
     AT(ngrams), .low = 1, .high = 8},
    {"subwords", "N-N", "parts of words of so many characters are, too",
     OPTION_TEXT, AT(subwords)},
    {"stddev", "X", "of drawn vectors, which are normal(0, X)", OPTION_REAL,
     AT(stddev), .low = 0, .high = 1e6},
    {"seed", "N", "of drawn vectors", OPTION_INT, AT(seed), .low = 0,
     .high = 9e18},
    {"oov", "N", "buckets that unknown words share", OPTION_INT, AT(oov),
     .low = 0, .high = 1e9},
    {"combiner", "sqrtn|mean|sum", "how the vectors of words are combined",
     OPTION_CHOICE, AT(combiner)},
    {"lowercase", NULL, "turn texts to lower case", OPTION_FLAG, AT(lowercase)},
    {"punctuation", "keep|strip|split",
     "leave it on words, take it away, or make each sign a word", OPTION_CHOICE,
     AT(punctuation)},
    {"split", "white|space|each-space",
     "where words end: at white space, at spaces alone, or at each space, "
     "empty "
     "words counting as unknown ones",
     OPTION_CHOICE, AT(split)},
    {"strip-punctuation", NULL, "--punctuation strip", OPTION_FLAG,
     AT(strip_punctuation)},
    {"mask-digits", NULL, "read every digit as 0", OPTION_FLAG,
     AT(mask_digits)},
    {"tokens", NULL, "take single words instead of texts", OPTION_FLAG,
     AT(tokens)},
    {"dtype", "float|double", "of the vectors", OPTION_CHOICE, AT(dtype)},
    {"format", "savedmodel|hub1", "TF2 SavedModel, or the TF1 Hub format",
     OPTION_CHOICE, AT(format)},
    {"trainable", NULL,
     "mark given vectors as trainable in the TF1 Hub format, as drawn ones and "
     "those of a SavedModel always are",
     OPTION_FLAG, AT(trainable)},
    {0}};
#undef AT

static void set_defaults(void *p) {
  ht_new_text_options o = ht_new_text_defaults();
  *(settings *)p = (settings){.combiner = o.combiner,
                              .format = "savedmodel",
                              .dim = o.dim,
                              .min_count = o.min_count,
                              .punctuation = o.punctuation,
                              .split = o.split,
                              .dtype = "float",
                              .stddev = o.stddev,
                              .ngrams = o.ngrams,
                              .seed = o.seed,
                              .oov = o.oov};
}

static int run(const invocation *c) {
  const settings *s = c->settings;
  int64_t words = 0;
  if (strcmp(c->operand[0], "text-embedding") != 0)
    return wrong_use("unknown kind of module: '%s' (there is text-embedding)",
                     c->operand[0]);
  if (!s->texts == !s->embeddings)
    return wrong_use("new text-embedding needs --embeddings or --from-text");
  ht_new_text_options o = {
      .texts = s->texts,
      .embeddings = s->embeddings,
      .column = s->column,
      .dim = (int)s->dim,
      .min_count = s->min_count,
      .max_words = s->max_words,
      .stddev = s->stddev,
      .seed = s->seed,
      .oov = s->oov,
      .combiner = s->combiner,
      .punctuation = s->strip_punctuation ? "strip" : s->punctuation,
      .split = s->split,
      .doubles = strcmp(s->dtype, "double") == 0,
      .subwords = s->subwords,
      .ngrams = (int)s->ngrams,
      .lowercase = s->lowercase,
      .mask_digits = s->mask_digits,
      .tokens = s->tokens,
      .trainable = s->trainable,
      .hub1 = strcmp(s->format, "hub1") == 0};
  watching watched;
  watching_begin(&watched, c);
  ht_status st = ht_new_text(&o, c->operand[1], &words);
  watching_end(&watched);
  if (st.code != HT_OK) return failed(st);
  remark(c, "%lld words", (long long)words);
  return DONE;
}

const action do_new = {
    .text =
        "Writes a text embedding module to the folder OUT: texts in, the "
        "combined vectors of their words out.\n\n"
        "Words are what white space separates, as --lowercase, --punctuation "
        "and --mask-digits leave them. --ngrams 2 takes pairs of neighbours "
        "for words, too, --subwords 4-5 parts of words, so that a word that "
        "was never seen is known by its parts; both make a classifier that is "
        "trained on a few thousand texts a good deal better.\n\n"
        "Example:\n"
        "  hubtune new text-embedding words --from-text train.csv "
        "--text review --dim 64 --lowercase\n"
        "  hubtune new text-embedding words --from-text train.csv "
        "--text review --dim 16 --stddev 0.01 --ngrams 2 --subwords 4-5\n"
        "  hubtune new text-embedding glove --embeddings glove.6B.50d.txt",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .set_defaults = set_defaults,
    .settings_size = sizeof(settings),
    .run = run,
};
