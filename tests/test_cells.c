/* test_cells.c - recurrent cells that are one op: TensorFlow has no gradients
 * of single steps, and those of BlockLSTMV2 belong to another order of gates,
 * so they are held against finite differences of floats. */
#include <math.h>

#include "test.h"

enum { MAX_INPUTS = 8 };

/* A net of one op whose inputs are trained variables of fixed numbers. */
typedef struct cell {
  ht_net *net;
  ht_function *f;
  int n;
  char name[MAX_INPUTS][4];
  ht_arrays *in;
} cell;

static ht_array *numbers(const int *dim, int salt) {
  float v[128];
  int rank = 0, count = 1;
  int64_t d[3];
  for (; rank < 3 && dim[rank]; rank++) count *= dim[rank];
  for (int i = 0; i < rank; i++) d[i] = dim[i];
  for (int i = 0; i < count; i++)
    v[i] = (float)((i * 37 + salt * 17) % 29) / 14.5f - 1;
  ht_array *a;
  OK(ht_array_from(HT_FLOAT, rank, d, v, &a));
  return a;
}

/* dims: up to three numbers an input, then 0. length: of a loop, or 0. */
static void open_cell(cell *c, const char *op, const char *attrs, int output,
                      int64_t length, int n, int (*dim)[3]) {
  ht_symbol in[MAX_INPUTS + 1];
  int first = length ? 1 : 0;
  OK(ht_net_new(&c->net));
  c->n = n;
  if (first) in[0] = ht_net_number(c->net, HT_INT64, (double)length);
  for (int i = 0; i < n; i++) {
    ht_array *a = numbers(dim[i], i);
    snprintf(c->name[i], sizeof c->name[i], "v%d", i);
    in[first + i] =
        ht_net_read(c->net, ht_net_variable(c->net, c->name[i], a, true));
    ht_array_free(a);
  }
  ht_symbol y = ht_net_op(c->net, op, attrs, first + n, in);
  y = ht_symbol_output(y, output);
  OK(ht_net_function(c->net, 0, NULL, HT_NAMED({"y", y}), &c->f));
  OK(ht_arrays_new(&c->in));
}

static void close_cell(cell *c) {
  ht_arrays_free(c->in);
  ht_function_free(c->f);
  ht_net_free(c->net);
}

static double total(cell *c) {
  ht_arrays *y;
  double sum = 0;
  OK(ht_function_run(c->f, c->in, &y));
  const ht_array *a = ht_arrays_find(y, "y");
  for (int64_t i = 0; i < ht_array_count(a); i++) sum += ht_array_number(a, i);
  ht_arrays_free(y);
  return sum;
}

/* The gradient of every number of every input, by central differences. */
static void check_slopes(cell *c) {
  ht_arrays *g;
  OK(ht_function_gradients(c->f, c->in, NULL, NULL, &g));
  for (int k = 0; k < c->n; k++) {
    ht_array *w;
    OK(ht_net_value(c->net, c->name[k], &w));
    for (int64_t i = 0; i < ht_array_count(w); i++) {
      double sum[2], old = ht_array_number(w, i);
      for (int side = 0; side < 2; side++) {
        ((float *)ht_array_edit(w))[i] = (float)(old + (side ? 1e-2 : -1e-2));
        OK(ht_net_assign(c->net, c->name[k], w));
        sum[side] = total(c);
      }
      ((float *)ht_array_edit(w))[i] = (float)old;
      OK(ht_net_assign(c->net, c->name[k], w));
      const ht_array *found = ht_arrays_find(g, c->name[k]);
      double slope = (sum[1] - sum[0]) / 2e-2;
      ck_assert_msg(fabs(slope - ht_array_number(found, i)) < 5e-4,
                    "input %d, element %d: slope %g, gradient %g", k, (int)i,
                    slope, ht_array_number(found, i));
    }
    ht_array_free(w);
  }
  ht_arrays_free(g);
}

START_TEST(a_step_of_an_lstm_has_the_gradient_of_its_differences) {
  int dim[8][3] = {{2, 3}, {2, 2}, {2, 2}, {5, 8}, {2}, {2}, {2}, {8}};
  cell c;
  for (int h = 0; h < 2; h++) {
    open_cell(&c, "LSTMBlockCell", "use_peephole=true", h ? 6 : 1, 0, 8, dim);
    check_slopes(&c);
    close_cell(&c);
  }
}
END_TEST

START_TEST(an_lstm_of_the_second_order_has_the_gradient_of_its_differences) {
  int dim[8][3] = {{3, 2, 3}, {2, 2}, {2, 2}, {5, 8}, {2}, {2}, {2}, {8}};
  cell c;
  open_cell(&c, "BlockLSTMV2", "use_peephole=true", 6, 2, 8, dim);
  check_slopes(&c);
  close_cell(&c);
}
END_TEST

START_TEST(a_step_of_a_gru_has_the_gradient_of_its_differences) {
  int dim[6][3] = {{2, 3}, {2, 2}, {5, 4}, {5, 2}, {4}, {2}};
  cell c;
  open_cell(&c, "GRUBlockCell", NULL, 3, 0, 6, dim);
  check_slopes(&c);
  close_cell(&c);
}
END_TEST

static void add(TCase *tests) {
  tcase_add_test(tests, a_step_of_an_lstm_has_the_gradient_of_its_differences);
  tcase_add_test(
      tests, an_lstm_of_the_second_order_has_the_gradient_of_its_differences);
  tcase_add_test(tests, a_step_of_a_gru_has_the_gradient_of_its_differences);
}

int main(void) { return test_main("cells", add); }
