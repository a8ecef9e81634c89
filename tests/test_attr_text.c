/* test_attr_text.c - attributes from text, row defaults, inference. */
#include <math.h>

#include "ops/interface.h"
#include "test.h"

static ht_arena arena;

static const ht_op mean = {
    .name = "Mean",
    .inputs = "input:T reduction_indices:Tidx",
    .outputs = "output:T",
    .attrs = "keep_dims:bool=false T:type Tidx:type=INT32",
};
static const ht_op concat = {
    .name = "ConcatV2",
    .inputs = "values:N*T axis:Tidx",
    .outputs = "output:T",
    .attrs = "N:int T:type Tidx:type=INT32",
};
static const ht_op print = {
    .name = "Print",
    .inputs = "input:T data:list:U",
    .outputs = "output:T",
    .attrs = "T:type U:list(type) message:string='a b' first_n:int=-1",
};
static const ht_op parse = {
    .name = "ParseExample",
    .inputs =
        "serialized:string names:string sparse_keys:Nsparse*STRING "
        "dense_keys:Ndense*STRING dense_defaults:list:Tdense",
    .outputs =
        "sparse_indices:Nsparse*INT64 sparse_values:list:sparse_types "
        "sparse_shapes:Nsparse*INT64 dense_values:list:Tdense",
    .attrs =
        "Nsparse:int Ndense:int sparse_types:list(type) "
        "Tdense:list(type) dense_shapes:list(shape)",
};
static const ht_op holder = {
    .name = "Holder",
    .inputs = "ref:Ref(T)",
    .outputs = "output:Ref(T)",
    .attrs =
        "T:type alpha:float=0.2 shape:shape=<unknown shape> "
        "delimiter:string='\\t' dilations:list(int)=[1,1] "
        "scales:list(float)=[]",
};

START_TEST(text_gives_every_kind_of_value) {
  ht_attrs a;
  OK(
      ht_attrs_parse("i=-3 f=2.5 b=true t=DT_INT64 s='a\\'b\\x41 c' "
                     "shape=<2,?,3> l=[1,2,3] e=[] n=nan m=-inf",
                     &arena, &a));
  ck_assert_int_eq(a.n, 10);
  ck_assert_int_eq(ht_attr_int(&a, "i"), -3);
  ck_assert_double_eq(ht_attr_float(&a, "f"), 2.5);
  ck_assert(ht_attr_bool(&a, "b"));
  ck_assert_int_eq(ht_attr_type(&a, "t"), HT_INT64);
  ck_assert(ht_attr_is(&a, "s", "a'bA c"));
  const ht_shape *s = &ht_attr_find(&a, "shape")->value->shape;
  ck_assert_int_eq(s->rank, 3);
  ck_assert_int_eq(s->dim[1], -1);
  ck_assert_int_eq(ht_attr_length(&a, "l"), 3);
  ck_assert_int_eq(ht_attr_int_at(&a, "l", 2), 3);
  ck_assert_int_eq(ht_attr_length(&a, "e"), 0);
  ck_assert(isnan(ht_attr_float(&a, "n")));
  ck_assert(isinf(ht_attr_float(&a, "m")));
}
END_TEST

START_TEST(malformed_text_is_refused) {
  static const char *const bad[] = {
      "axis",         "axis=",   "axis=1,2",  "s='a",
      "l=[1",         "l=[1 2]", "shape=<1",  "shape=<a>",
      "t=nosuchtype", "=1",      "l=[1,'a']", "shape=<1,1,1,1,1,1,1,1,1>"};
  ht_attrs a;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    ck_assert_msg(ht_attrs_parse(bad[i], &arena, &a).code == HT_USAGE, "%s",
                  bad[i]);
}
END_TEST

START_TEST(defaults_of_the_row_fill_what_is_not_given) {
  ht_attrs given, a;
  OK(ht_attrs_parse("alpha=1 T=float scales=[1,0.5]", &arena, &given));
  OK(ht_attrs_complete(&holder, &given, &arena, &a));
  OK(ht_attrs_check(&holder, &a));
  ck_assert_double_eq(ht_attr_float(&a, "alpha"), 1.0);
  ck_assert_int_eq(ht_attr_find(&a, "shape")->value->shape.rank, -1);
  ck_assert(ht_attr_is(&a, "delimiter", "\t"));
  ck_assert_int_eq(ht_attr_length(&a, "dilations"), 2);
  ck_assert_double_eq(ht_attr_find(&a, "scales")->value[0].f, 1.0);
}
END_TEST

START_TEST(an_empty_list_takes_the_kind_of_the_row) {
  ht_attrs given, a;
  OK(ht_attrs_parse("T=float scales=[] dilations=[]", &arena, &given));
  OK(ht_attrs_complete(&holder, &given, &arena, &a));
  OK(ht_attrs_check(&holder, &a));
}
END_TEST

START_TEST(types_follow_from_inputs_before_defaults) {
  ht_attrs a;
  OK(ht_attrs_bind(&mean, "", 2, (ht_dtype[]){HT_DOUBLE, HT_INT64}, &arena,
                   &a));
  ck_assert_int_eq(ht_attr_type(&a, "T"), HT_DOUBLE);
  ck_assert_int_eq(ht_attr_type(&a, "Tidx"), HT_INT64);
  ht_dtype out[2];
  int n;
  OK(ht_op_outputs(&mean, &a, 2, out, &n));
  ck_assert_int_eq(n, 1);
  ck_assert_int_eq(out[0], HT_DOUBLE);
}
END_TEST

START_TEST(numbers_and_type_lists_follow_from_inputs) {
  ht_attrs a;
  OK(ht_attrs_bind(&concat, "", 3, (ht_dtype[]){HT_FLOAT, HT_FLOAT, HT_INT32},
                   &arena, &a));
  ck_assert_int_eq(ht_attr_int(&a, "N"), 2);
  OK(ht_attrs_bind(&print, "", 3, (ht_dtype[]){HT_FLOAT, HT_BOOL, HT_INT32},
                   &arena, &a));
  ck_assert_int_eq(ht_attr_length(&a, "U"), 2);
  ck_assert_int_eq(ht_attr_find(&a, "U")->value[1].type, HT_INT32);
  ck_assert(ht_attr_is(&a, "message", "a b"));
}
END_TEST

START_TEST(inputs_that_contradict_are_refused) {
  ht_attrs a;
  ht_dtype mixed[] = {HT_FLOAT, HT_DOUBLE, HT_INT32};
  FAILS(ht_attrs_bind(&concat, "", 3, mixed, &arena, &a), HT_USAGE, "'T'");
  FAILS(ht_attrs_bind(&concat, "N=3", 3, mixed, &arena, &a), HT_USAGE,
        "3 inputs");
  FAILS(ht_attrs_bind(&mean, "T=float", 2, mixed + 1, &arena, &a), HT_USAGE,
        "'T'");
  FAILS(ht_attrs_bind(&mean, "", 3, mixed, &arena, &a), HT_USAGE, "3 inputs");
  FAILS(ht_attrs_bind(&holder, "", 0, mixed, &arena, &a), HT_USAGE, "0 inputs");
  FAILS(ht_attrs_bind(&parse, "", 2, mixed, &arena, &a), HT_USAGE, "wants");
}
END_TEST

START_TEST(named_outputs_are_found_among_the_flattened) {
  ht_attrs a;
  int first, n;
  ht_dtype dtype[8];
  OK(
      ht_attrs_parse("Nsparse=2 Ndense=1 sparse_types=[int64,string] "
                     "Tdense=[float] dense_shapes=[<>]",
                     &arena, &a));
  OK(ht_op_outputs(&parse, &a, 8, dtype, &n));
  ck_assert_int_eq(n, 7);
  ck_assert_int_eq(dtype[3], HT_STRING);
  ck_assert_int_eq(dtype[6], HT_FLOAT);
  ck_assert(ht_op_output_named(&parse, &a, "sparse_shapes", &first, &n));
  ck_assert_int_eq(first, 4);
  ck_assert_int_eq(n, 2);
  ck_assert(!ht_op_output_named(&parse, &a, "nothing", &first, &n));
  OK(ht_op_inputs(&parse, &a, 8, dtype, &n));
  ck_assert_int_eq(n, 6);
}
END_TEST

START_TEST(a_count_of_a_hostile_graph_is_refused) {
  ht_attrs a;
  int n;
  OK(ht_attrs_parse("Nsparse=99999999999 Ndense=1 sparse_types=[] Tdense=[]",
                    &arena, &a));
  FAILS(ht_op_outputs(&parse, &a, 0, NULL, &n), HT_CORRUPT, "ParseExample");
}
END_TEST

START_TEST(ref_arguments_count_as_their_values) {
  ht_attrs a;
  ht_dtype t = HT_FLOAT, out = HT_INVALID;
  int n;
  OK(ht_attrs_bind(&holder, "", 1, &t, &arena, &a));
  OK(ht_op_outputs(&holder, &a, 1, &out, &n));
  ck_assert_int_eq(out, HT_FLOAT);
}
END_TEST

static void free_arena(void) { ht_arena_free(&arena); }

static void add(TCase *tests) {
  tcase_add_checked_fixture(tests, NULL, free_arena);
  tcase_add_test(tests, text_gives_every_kind_of_value);
  tcase_add_test(tests, malformed_text_is_refused);
  tcase_add_test(tests, defaults_of_the_row_fill_what_is_not_given);
  tcase_add_test(tests, an_empty_list_takes_the_kind_of_the_row);
  tcase_add_test(tests, types_follow_from_inputs_before_defaults);
  tcase_add_test(tests, numbers_and_type_lists_follow_from_inputs);
  tcase_add_test(tests, inputs_that_contradict_are_refused);
  tcase_add_test(tests, named_outputs_are_found_among_the_flattened);
  tcase_add_test(tests, a_count_of_a_hostile_graph_is_refused);
  tcase_add_test(tests, ref_arguments_count_as_their_values);
}

int main(void) { return test_main("attr_text", add); }
