/* sentencepiece.cc - sentencepiece.h over the library. */
#include "config.h"

#include <algorithm>
#include <exception>
#include <new>
#include <string>
#include <vector>

extern "C" {
#include "format/varint.h"
#include "kernels/sentencepiece.h"
}

#ifdef HAVE_SENTENCEPIECE
#include <sentencepiece_processor.h>

/* In no header, and not in every version: the library would print. */
namespace sentencepiece {
namespace logging {
__attribute__((weak)) void SetMinLogLevel(int level);
}
}  // namespace sentencepiece

struct ht_sentencepiece {
  sentencepiece::SentencePieceProcessor model;
};

namespace {

ht_status failed(const char *what, const sentencepiece::util::Status &st) {
  return ht_fail(HT_CORRUPT, "%s: %s", what, st.error_message());
}

/* A piece that stands for no bytes: the begin or the end of a sentence. */
ht_sentence_piece mark(const ht_sentencepiece *sp, int id) {
  ht_sentence_piece piece = {};
  if (id >= 0) ht_sentencepiece_piece(sp, id, &piece);
  piece.id = id;
  return piece;
}

/* SentencePieceText.SentencePiece{1: piece, 2: id, 4: begin, 5: end}, of
 * sentencepiece.proto. */
ht_sentence_piece piece_of(ht_cursor bytes) {
  ht_sentence_piece piece = {};
  ht_field f;
  while (ht_cursor_field(&bytes, &f)) {
    if (f.field == 1) {
      piece.p = reinterpret_cast<const char *>(f.bytes.p);
      piece.n = f.bytes.left;
    }
    if (f.field == 2) piece.id = static_cast<int>(f.number);
    if (f.field == 4) piece.from = static_cast<int64_t>(f.number);
    if (f.field == 5) piece.to = static_cast<int64_t>(f.number);
  }
  return piece;
}

/* SentencePieceText{2: pieces}: the one form of the answer that every version
 * of the library has. */
std::vector<ht_sentence_piece> pieces_of(const ht_sentencepiece *sp,
                                         const std::string &text, int flags) {
  std::vector<ht_sentence_piece> out;
  ht_cursor at = {reinterpret_cast<const unsigned char *>(text.data()),
                  text.size(), false};
  ht_field f;
  if (flags & HT_PIECES_BEGIN) out.push_back(mark(sp, sp->model.bos_id()));
  while (ht_cursor_field(&at, &f))
    if (f.field == 2) out.push_back(piece_of(f.bytes));
  if (flags & HT_PIECES_END) out.push_back(mark(sp, sp->model.eos_id()));
  if (flags & HT_PIECES_REVERSED) std::reverse(out.begin(), out.end());
  return out;
}

/* The library throws where a model has pieces that its trie cannot hold. */
template <typename Call>
ht_status guarded(const char *what, Call call) {
  try {
    return call();
  } catch (const std::bad_alloc &) {
    return ht_fail(HT_NO_MEMORY, "%s: no memory", what);
  } catch (const std::exception &e) {
    return ht_fail(HT_CORRUPT, "%s: %s", what, e.what());
  }
}

}  // namespace

extern "C" ht_status ht_sentencepiece_new(const char *model, size_t n,
                                          ht_sentencepiece **out) {
  *out = new (std::nothrow) ht_sentencepiece;
  if (!*out) return ht_fail(HT_NO_MEMORY, "no memory for a piece model");
  if (sentencepiece::logging::SetMinLogLevel)
    sentencepiece::logging::SetMinLogLevel(3);
  static const char bad[] = "bad SentencePiece model";
  ht_status given = guarded(bad, [&] {
    auto st = (*out)->model.LoadFromSerializedProto({model, n});
    return st.ok() ? ht_status{HT_OK, nullptr} : failed(bad, st);
  });
  if (given.code == HT_OK) return given;
  delete *out;
  *out = nullptr;
  return given;
}

extern "C" void ht_sentencepiece_free(ht_sentencepiece *sp) { delete sp; }

extern "C" ht_status ht_sentencepiece_encode(const ht_sentencepiece *sp,
                                             const char *s, size_t n, int flags,
                                             ht_sentence_piece_fn *fn,
                                             void *arg) {
  return guarded("no pieces of a text", [&] {
    std::string text = sp->model.EncodeAsSerializedProto({s, n});
    for (const auto &piece : pieces_of(sp, text, flags)) {
      ht_status given = fn(&piece, arg);
      if (given.code != HT_OK) return given;
    }
    return ht_status{HT_OK, nullptr};
  });
}

extern "C" ht_status ht_sentencepiece_decode(const ht_sentencepiece *sp,
                                             const ht_sentence_piece *piece,
                                             size_t n, ht_text *out) {
  return guarded("pieces make no text", [&] {
    std::vector<std::string> words;
    for (size_t i = 0; i < n; i++) {
      ht_sentence_piece of = piece[i];
      if (!of.p) {
        if (of.id < 0 || of.id >= sp->model.GetPieceSize())
          return ht_fail(HT_USAGE, "piece %d is not one of %d", of.id,
                         sp->model.GetPieceSize());
        ht_sentencepiece_piece(sp, of.id, &of);
      }
      words.emplace_back(of.p, of.n);
    }
    std::string text;
    auto st = sp->model.Decode(words, &text);
    if (!st.ok()) return failed("pieces make no text", st);
    ht_text_bytes(out, text.data(), text.size());
    return ht_text_check(out);
  });
}

extern "C" int ht_sentencepiece_size(const ht_sentencepiece *sp) {
  return sp->model.GetPieceSize();
}

extern "C" int ht_sentencepiece_id(const ht_sentencepiece *sp, const char *p,
                                   size_t n) {
  return sp->model.PieceToId({p, n});
}

extern "C" void ht_sentencepiece_piece(const ht_sentencepiece *sp, int id,
                                       ht_sentence_piece *out) {
  const std::string &piece = sp->model.IdToPiece(id);
  *out = {piece.data(), piece.size(), id, 0, 0};
}

#else

struct ht_sentencepiece {
  int none;
};

extern "C" ht_status ht_sentencepiece_new(const char *, size_t,
                                          ht_sentencepiece **) {
  return ht_fail(HT_UNSUPPORTED,
                 "SentencePiece models need hubtune built with the "
                 "SentencePiece library");
}
extern "C" void ht_sentencepiece_free(ht_sentencepiece *) {}
extern "C" ht_status ht_sentencepiece_encode(const ht_sentencepiece *,
                                             const char *, size_t, int,
                                             ht_sentence_piece_fn *, void *) {
  return ht_fail(HT_UNSUPPORTED, "built without SentencePiece");
}
extern "C" ht_status ht_sentencepiece_decode(const ht_sentencepiece *,
                                             const ht_sentence_piece *, size_t,
                                             ht_text *) {
  return ht_fail(HT_UNSUPPORTED, "built without SentencePiece");
}
extern "C" int ht_sentencepiece_size(const ht_sentencepiece *) { return 0; }
extern "C" int ht_sentencepiece_id(const ht_sentencepiece *, const char *,
                                   size_t) {
  return 0;
}
extern "C" void ht_sentencepiece_piece(const ht_sentencepiece *, int,
                                       ht_sentence_piece *out) {
  *out = {};
}

#endif
