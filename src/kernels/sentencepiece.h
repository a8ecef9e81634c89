/*
 * sentencepiece.h - the SentencePiece library (Kudo and Richardson, 2018)
 * behind a C face. Built without it, making a model is refused by name.
 */
#ifndef HT_KERNELS_SENTENCEPIECE_H
#define HT_KERNELS_SENTENCEPIECE_H

#include "base/text.h"

typedef struct ht_sentencepiece ht_sentencepiece;

/* A model from the n bytes of its ModelProto. */
ht_status ht_sentencepiece_new(const char *model, size_t n,
                               ht_sentencepiece **out) HT_MUST_CHECK;
void ht_sentencepiece_free(ht_sentencepiece *sp); /* NULL is fine */

/* What goes around the pieces; they are reversed last. */
enum { HT_PIECES_BEGIN = 1, HT_PIECES_END = 2, HT_PIECES_REVERSED = 4 };

/* A piece of a sentence, and the bytes of it that it stands for. */
typedef struct ht_sentence_piece {
  const char *p; /* lives as long as the call */
  size_t n;
  int id;
  int64_t from, to;
} ht_sentence_piece;
typedef ht_status ht_sentence_piece_fn(const ht_sentence_piece *piece,
                                       void *arg);

/* Calls fn on each piece of the best segmentation of n bytes of s. */
ht_status ht_sentencepiece_encode(const ht_sentencepiece *sp, const char *s,
                                  size_t n, int flags, ht_sentence_piece_fn *fn,
                                  void *arg) HT_MUST_CHECK;
/* Adds the text of n pieces to `out`: by p and n, or by id where p is NULL. */
ht_status ht_sentencepiece_decode(const ht_sentencepiece *sp,
                                  const ht_sentence_piece *piece, size_t n,
                                  ht_text *out) HT_MUST_CHECK;

int ht_sentencepiece_size(const ht_sentencepiece *sp);
/* The number of a piece (that of the unknown piece if there is none). */
int ht_sentencepiece_id(const ht_sentencepiece *sp, const char *p, size_t n);
/* Piece number id, in [0, size). */
void ht_sentencepiece_piece(const ht_sentencepiece *sp, int id,
                            ht_sentence_piece *out);

#endif
