/*
 * test_op_golden.c - every row's samples against TensorFlow's numbers, values
 * and gradients, and double ones against finite differences. The rules stand
 * in tests/golden/README.md.
 */
#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "application.h"
#include "autograd/tape.h"
#include "base/file.h"
#include "base/map.h"
#include "ops/interface.h"
#include "test.h"

#define FAMILY(name) extern const ht_op ht_ops_##name[];
#include "ops/families.def"
#undef FAMILY

static const struct {
  const char *name;
  const ht_op *op;
} families[] = {
#define FAMILY(name) {#name, ht_ops_##name},
#include "ops/families.def"
#undef FAMILY
};
enum { N_FAMILIES = sizeof families / sizeof *families };

static ht_arena arena;
static golden_cases cases;

static const char *name_of(const golden_case *c) {
  static char text[512];
  snprintf(text, sizeof text, "%s.txt: %s: %s", c->family, c->op, c->sample);
  return text;
}

/* An option of the sample, "!near=1e-4", or what holds without it. */
static double option(const golden_case *c, const char *name, double other) {
  char word[64];
  snprintf(word, sizeof word, "!%s=", name);
  const char *found = strstr(c->sample, word);
  return found ? strtod(found + strlen(word), NULL) : other;
}

/* ---- one application */

static void open_application(const golden_case *c, application *a) {
  *a = (application){0};
  OK(ht_within(application_inputs(c, a), "%s", name_of(c)));
  OK(ht_within(application_bind(c, c->attrs, a), "%s", name_of(c)));
  ck_assert_msg(a->call.n_out == c->n_out, "%s: %d outputs", name_of(c),
                a->call.n_out);
}

static void forward(const golden_case *c, application *a) {
  OK(ht_within(ht_op_forward(&a->call), "%s", name_of(c)));
}

/* ---- comparing */

static double complex value_at(const ht_tensor *t, int64_t i) {
  if (t->dtype == HT_COMPLEX64) return HT_DATA(float _Complex, t)[i];
  if (t->dtype == HT_COMPLEX128) return HT_DATA(double _Complex, t)[i];
  return ht_real_at(t, i);
}

static double limit_of(ht_dtype t) {
  if (t == HT_DOUBLE || t == HT_COMPLEX128) return 1e-12;
  return t == HT_HALF || t == HT_BFLOAT16 ? 1e-2 : 1e-5;
}

/* The largest finite magnitude, but 1e-3 at least. */
static double magnitude(const ht_tensor *t) {
  double largest = 1e-3;
  for (int64_t i = 0; i < ht_count(t); i++) {
    double size = cabs(value_at(t, i));
    if (isfinite(size) && size > largest) largest = size;
  }
  return largest;
}

static bool near(double a, double b, double limit) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
  if (isinf(a) || isinf(b)) return a == b;
  return fabs(a - b) <= limit;
}

static bool same_element(const ht_tensor *a, const ht_tensor *b, int64_t i,
                         double limit) {
  if (a->dtype == HT_STRING)
    return ht_str(a)[i].n == ht_str(b)[i].n &&
           !memcmp(ht_str(a)[i].n ? ht_str(a)[i].p : "",
                   ht_str(b)[i].n ? ht_str(b)[i].p : "", ht_str(a)[i].n);
  if (!ht_dtype_floating(a->dtype)) return ht_int_at(a, i) == ht_int_at(b, i);
  double complex x = value_at(a, i), y = value_at(b, i);
  return near(creal(x), creal(y), limit) && near(cimag(x), cimag(y), limit);
}

static const char *element_text(const ht_tensor *t, int64_t i, char text[96]) {
  if (t->dtype == HT_STRING)
    snprintf(text, 96, "'%.*s'", (int)(ht_str(t)[i].n % 80), ht_str(t)[i].p);
  else if (!ht_dtype_floating(t->dtype))
    snprintf(text, 96, "%lld", (long long)ht_int_at(t, i));
  else
    snprintf(text, 96, "%.17g+%.17gi", creal(value_at(t, i)),
             cimag(value_at(t, i)));
  return text;
}

/* Fails unless a tensor is the one that the line describes. */
static void compare(const golden_case *c, const char *what, int k,
                    const ht_tensor *found, const char *line) {
  ht_tensor wanted;
  char a[HT_SHAPE_TEXT], b[HT_SHAPE_TEXT];
  OK(ht_within(golden_tensor(line, &wanted), "%s", name_of(c)));
  ck_assert_msg(found->dtype == wanted.dtype &&
                    ht_shape_equal(&found->shape, &wanted.shape),
                "%s: %s %d is %s %s, wanted %s %s", name_of(c), what, k,
                ht_dtype_name(found->dtype), ht_shape_text(&found->shape, a),
                ht_dtype_name(wanted.dtype), ht_shape_text(&wanted.shape, b));
  double limit = option(c, "near", limit_of(wanted.dtype));
  if (ht_dtype_floating(wanted.dtype)) limit *= magnitude(&wanted);
  for (int64_t i = 0; i < ht_count(&wanted); i++)
    ck_assert_msg(same_element(found, &wanted, i, limit),
                  "%s: %s %d is %s at %lld, wanted %s", name_of(c), what, k,
                  element_text(found, i, a), (long long)i,
                  element_text(&wanted, i, b));
  ht_tensor_drop(&wanted);
}

/* Files of a kind that this build was configured without; else it has run. */
static bool refuses(const golden_case *c, application *a) {
  ht_status st = ht_op_forward(&a->call);
  if (!test_lacks(st)) OK(ht_within(st, "%s", name_of(c)));
  if (st.code == HT_OK) return false;
  printf("skipped: %s: %s\n", c->op, st.msg);
  application_close(c, a);
  return true;
}

/* Output 0, a file of an image, becomes its pixels. */
static void decode(const golden_case *c, application *a) {
  double bits = option(c, "decoded", 0);
  const ht_tensor *file = &a->out[0];
  ht_tensor pixels;
  if (bits == 0) return;
  OK(ht_within(ht_apply(&a->run, "DecodeImage",
                        bits == 16 ? "dtype=uint16" : "", 1, &file, 1, &pixels),
               "%s", name_of(c)));
  ht_tensor_drop(&a->out[0]);
  a->out[0] = pixels;
}

START_TEST(a_sample_gives_the_values_of_tensorflow) {
  const golden_case *c = &cases.at[_i];
  application a;
  open_application(c, &a);
  if (refuses(c, &a)) return;
  decode(c, &a);
  int stated = (int)option(c, "outputs", c->n_out);
  for (int k = 0; k < stated && k < c->n_out; k++)
    compare(c, "output", k, &a.out[k], c->out[k]);
  application_close(c, &a);
}
END_TEST

/* ---- gradients */

static double pattern(int64_t i) {
  return (double)(i * 7 % 11 - 5) / 4 + 0.125;
}

/* The cotangent that make.py uses: an outline where there is none. */
static void make_cotangent(const ht_tensor *y, ht_tensor *dy) {
  *dy = (ht_tensor){0};
  if (!ht_dtype_floating(y->dtype)) return;
  OK(ht_tensor_new(NULL, y->dtype, &y->shape, dy));
  for (int64_t i = 0; i < ht_count(dy); i++) switch (dy->dtype) {
      case HT_FLOAT: ht_f(dy)[i] = (float)pattern(i); break;
      case HT_DOUBLE: HT_DATA(double, dy)[i] = pattern(i); break;
      case HT_COMPLEX64:
        HT_DATA(float _Complex, dy)
        [i] = CMPLXF((float)pattern(i), (float)pattern(i + 3));
        break;
      case HT_COMPLEX128:
        HT_DATA(double _Complex, dy)[i] = CMPLX(pattern(i), pattern(i + 3));
        break;
      case HT_HALF:
        HT_DATA(uint16_t, dy)[i] = ht_float_to_half((float)pattern(i));
        break;
      default:
        HT_DATA(uint16_t, dy)[i] = ht_float_to_bfloat16((float)pattern(i));
    }
}

/* Forward, then back through a tape; gradient[i] stays HT_INVALID where none
 * arrives. */
static void differentiate(const golden_case *c, application *a,
                          ht_tensor gradient[GOLDEN_MAX_TENSORS]) {
  ht_tensor dy[GOLDEN_MAX_TENSORS];
  ht_tape *tape = ht_tape_new();
  a->run.tape = tape;
  for (int i = 0; i < c->n_in; i++)
    if (ht_dtype_floating(a->in[i].dtype)) OK(ht_tape_watch(tape, &a->in[i]));
  forward(c, a);
  if (ht_tape_wants(a->call.op, c->n_in, a->in_at))
    OK(ht_tape_record(tape, &a->call, NULL, c->n_in, a->in_at, c->n_out,
                      a->out));
  for (int k = 0; k < c->n_out; k++) make_cotangent(&a->out[k], &dy[k]);
  OK(ht_within(ht_tape_backward(tape, &a->run, c->n_out, a->out, dy), "%s",
               name_of(c)));
  for (int i = 0; i < c->n_in; i++)
    OK(ht_tape_gradient_of(tape, &a->in[i], &gradient[i]));
  for (int k = 0; k < c->n_out; k++) ht_tensor_drop(&dy[k]);
  ht_tape_free(tape);
}

static bool all_zero(const ht_tensor *t) {
  for (int64_t i = 0; i < ht_count(t); i++)
    if (value_at(t, i) != 0) return false;
  return true;
}

/* No gradient and zeros are the same to whoever trains. */
static void compare_gradient(const golden_case *c, int i,
                             const ht_tensor *found) {
  const char *line = c->gradient[i];
  ht_tensor wanted;
  if (strcmp(line, "unknown") == 0) return;
  if (strcmp(line, "none") == 0) {
    ck_assert_msg(!found->dtype || all_zero(found),
                  "%s: a gradient for input %d, wanted none", name_of(c), i);
  } else if (found->dtype) {
    compare(c, "gradient", i, found, line);
  } else {
    OK(golden_tensor(line, &wanted));
    ck_assert_msg(all_zero(&wanted), "%s: no gradient for input %d", name_of(c),
                  i);
    ht_tensor_drop(&wanted);
  }
}

START_TEST(a_sample_gives_the_gradients_of_tensorflow) {
  const golden_case *c = &cases.at[_i];
  bool stated = false;
  for (int i = 0; i < c->n_in; i++) stated |= c->gradient[i] != NULL;
  if (!stated || option(c, "grad", 1) == 0) return;
  application a;
  ht_tensor gradient[GOLDEN_MAX_TENSORS];
  open_application(c, &a);
  differentiate(c, &a, gradient);
  for (int i = 0; i < c->n_in; i++) {
    if (c->gradient[i]) compare_gradient(c, i, &gradient[i]);
    ht_tensor_drop(&gradient[i]);
  }
  application_close(c, &a);
}
END_TEST

/* ---- finite differences */

/* The sum over outputs of output times cotangent. */
static double weighed_sum(const golden_case *c, application *a) {
  double sum = 0;
  forward(c, a);
  for (int k = 0; k < c->n_out; k++)
    for (int64_t i = 0; i < ht_count(&a->out[k]); i++)
      if (a->out[k].dtype == HT_DOUBLE)
        sum += HT_DATA(double, &a->out[k])[i] * pattern(i);
  application_drop_outputs(a);
  return sum;
}

/* Double inputs that are all drawn, floating outputs that are all double. */
static bool can_differ(const golden_case *c) {
  int doubles = 0;
  for (int k = 0; k < c->n_out; k++)
    if (strncmp(c->out[k], "double ", 7) == 0)
      doubles++;
    else if (strchr("fhbc", c->out[k][0]) && strncmp(c->out[k], "bool", 4))
      return false;
  for (const char *p = c->sample; (p = strstr(p, "d[")); p++)
    if (p == c->sample || p[-1] == ' ' || p[-1] == '(')
      if (p[strcspn(p, "]") + 1] == '{') return false;
  return doubles && option(c, "differences", option(c, "grad", 1));
}

/* A direction of pseudo-random steps in (-1,1), the same in every run. */
static double direction(int input, int64_t i) {
  uint64_t key[2] = {(uint64_t)input, (uint64_t)i};
  return (double)(ht_hash(key, sizeof key) >> 11) / (double)(1ull << 52) - 1;
}

static void move(const golden_case *c, application *a, double by) {
  for (int k = 0; k < c->n_in; k++) {
    if (a->in[k].dtype != HT_DOUBLE) continue;
    OK(ht_tensor_own(NULL, &a->in[k]));
    for (int64_t i = 0; i < ht_count(&a->in[k]); i++)
      HT_DATA(double, &a->in[k])[i] += by * direction(k, i);
  }
}

START_TEST(a_gradient_is_the_slope_that_differences_show) {
  const golden_case *c = &cases.at[_i];
  const double step = 1e-6;
  ht_tensor gradient[GOLDEN_MAX_TENSORS];
  application a;
  if (!can_differ(c)) return;
  open_application(c, &a);
  if (a.call.op->gradient == ht_no_gradient) return application_close(c, &a);
  differentiate(c, &a, gradient);
  application_drop_outputs(&a);
  double slope = 0, scale = 1;
  for (int k = 0; k < c->n_in; k++)
    for (int64_t i = 0;
         gradient[k].dtype == HT_DOUBLE && i < ht_count(&gradient[k]); i++) {
      double g = HT_DATA(double, &gradient[k])[i] * direction(k, i);
      slope += g;
      scale += fabs(g);
    }
  move(c, &a, step);
  double high = weighed_sum(c, &a);
  move(c, &a, -2 * step);
  double low = weighed_sum(c, &a), found = (high - low) / (2 * step);
  ck_assert_msg(near(slope, found, 1e-6 * scale + 1e-8 * fabs(high)),
                "%s: slope %.9g, differences show %.9g", name_of(c), slope,
                found);
  for (int k = 0; k < c->n_in; k++) ht_tensor_drop(&gradient[k]);
  application_close(c, &a);
}
END_TEST

/* ---- the table */

static bool has_case(const char *op, const char *sample, size_t n) {
  for (int i = 0; i < cases.n; i++)
    if (strcmp(cases.at[i].op, op) == 0 &&
        strncmp(cases.at[i].sample, sample, n) == 0 && !cases.at[i].sample[n])
      return true;
  return false;
}

/* Whether some test file here has a test of that name. */
static bool has_test(const char *name, size_t n) {
  char folder[1024], **file, *text, wanted[256];
  int n_files;
  size_t bytes;
  bool found = false;
  ht_arena local = {0};
  snprintf(wanted, sizeof wanted, "START_TEST(%.*s)", (int)n, name);
  OK(ht_folder_list(test_folder(folder), &local, &file, &n_files));
  for (int i = 0; i < n_files && !found; i++) {
    const char *path = ht_path_join(&local, folder, file[i]);
    if (strcmp(ht_path_extension(path), ".c") != 0) continue;
    OK(ht_file_read(path, 1 << 24, &local, &text, &bytes));
    found = strstr(text, wanted) != NULL;
  }
  ht_arena_free(&local);
  return found;
}

/* The length of the sample at p: up to ';' outside quotes. */
static size_t sample_length(const char *p) {
  bool quoted = false;
  size_t n = 0;
  for (; p[n] && (quoted || p[n] != ';'); n++) {
    if (p[n] == '\\' && p[n + 1])
      n++;
    else if (p[n] == '\'')
      quoted = !quoted;
  }
  return n;
}

static void check_samples(const char *family, const ht_op *op) {
  for (const char *p = op->samples, *next; p; p = next) {
    p += strspn(p, " ");
    size_t n = sample_length(p);
    next = p[n] ? p + n + 1 : NULL;
    while (n && p[n - 1] == ' ') n--;
    if (!n) continue;
    bool tested = *p == '@' ? has_test(p + 1, n - 1) : has_case(op->name, p, n);
    ck_assert_msg(tested, "op '%s' (%s): nothing tests sample '%.*s'", op->name,
                  family, (int)n, p);
  }
}

START_TEST(every_row_states_and_proves_itself) {
  for (const ht_op *op = families[_i].op; op->name; op++) {
    bool complete = op->doc && *op->doc && op->samples && *op->samples &&
                    op->inputs && op->outputs && op->attrs && op->forward;
    ck_assert_msg(complete, "op '%s': the row is not complete", op->name);
    ck_assert_msg(op->gradient != NULL, "op '%s': no stated gradient",
                  op->name);
    check_samples(families[_i].name, op);
  }
}
END_TEST

START_TEST(no_op_has_two_rows) {
  int n;
  const ht_op *const *all = ht_op_all(&n);
  for (int i = 1; i < n; i++) ck_assert_str_ne(all[i - 1]->name, all[i]->name);
}
END_TEST

static void read_file(const char *name) {
  ht_status st = golden_read(name, &arena, &cases);
  if (st.code == HT_OK) return;
  fprintf(stderr, "%s.txt: %s\n", name, st.msg);
  exit(EXIT_FAILURE);
}

static void read_cases(void) {
  for (int f = 0; f < N_FAMILIES; f++) read_file(families[f].name);
  read_file("types");
}

static void add(TCase *tests) {
  tcase_add_test(tests, no_op_has_two_rows);
  tcase_add_loop_test(tests, every_row_states_and_proves_itself, 0, N_FAMILIES);
  tcase_add_loop_test(tests, a_sample_gives_the_values_of_tensorflow, 0,
                      cases.n);
  tcase_add_loop_test(tests, a_sample_gives_the_gradients_of_tensorflow, 0,
                      cases.n);
  tcase_add_loop_test(tests, a_gradient_is_the_slope_that_differences_show, 0,
                      cases.n);
}

int main(void) {
#ifdef __SANITIZE_ADDRESS__
  setenv("CK_FORK", "no", 0); /* the sanitizer's report needs no process of
                                 its own for each of 40,000 tests */
#endif
  read_cases();
  return test_main("op_golden", add);
}
